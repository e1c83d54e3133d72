"""Best-first search, on real Lean."""

from __future__ import annotations

import time

import pytest

from stepprove.agent.search.result import SearchOutcome

HARD = "theorem t (f : Nat → Nat) : ∃ n, f (f n) ≠ n + 1987 := by sorry"
SQUARES = "theorem t (a : Int) : a ^ 2 % 4 = 0 ∨ a ^ 2 % 4 = 1 := by sorry"


def test_a_closing_tactic_is_named_as_what_found_the_proof(searcher) -> None:
    result = searcher("theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b := by sorry")

    assert result.script == ("omega",)
    assert result.found_by == "omega"


def test_a_false_statement_is_never_proved(searcher) -> None:
    for statement in (
        "theorem t (n : Nat) : n < 10 := by sorry",
        "theorem t (a : Int) : a ^ 2 % 4 = 0 := by sorry",
        "theorem t : ∃ n : Nat, n < 0 := by sorry",
    ):
        assert searcher(statement, 6.0).outcome is not SearchOutcome.FOUND


def test_the_budget_is_kept(searcher) -> None:
    started = time.monotonic()

    result = searcher(HARD, 3.0)

    assert result.outcome is SearchOutcome.OUT_OF_TIME
    assert result.script == ()
    assert time.monotonic() - started < 20


def test_cancelling_stops_the_search(searcher) -> None:
    calls = iter(range(1000))

    result = searcher(HARD, 60.0, cancelled=lambda: next(calls) > 5)

    assert result.outcome is SearchOutcome.CANCELLED
    assert result.steps <= 6


def test_the_same_seed_finds_the_same_proof(searcher) -> None:
    assert searcher(SQUARES, seed=3).script == searcher(SQUARES, seed=3).script


def test_a_goal_met_twice_is_one_node(searcher) -> None:
    graph = searcher("theorem t (p q : Prop) (h : p) : (q → p) ∧ (q → p) := by sorry").graph

    labels = [data["label"] for node, data in graph.nodes(data=True) if node[0] == "goal"]
    assert len(labels) == len(set(labels))


def test_moves_and_goals_alternate_in_the_graph(searcher) -> None:
    graph = searcher(SQUARES).graph

    assert graph.number_of_edges() > 0
    assert all({source[0], target[0]} == {"goal", "move"} for source, target in graph.edges)
    assert graph.nodes[("goal", 0)]["proved"]


def test_the_search_goes_on_after_the_engine_was_lost(searcher) -> None:
    lost = iter([True])

    def lose(_: object) -> None:
        if next(lost, False):
            searcher.repl.restart()

    result = searcher(SQUARES, on_progress=lose)

    assert searcher.accepted(SQUARES, result.script)


def test_a_tactic_that_runs_away_is_not_a_verdict(searcher) -> None:
    session = searcher.session(
        "theorem t : ∀ n : Nat, n < 4000 → ∀ m : Nat, m < 4000 → n * m < 16000000 := by sorry"
    )

    step = session.run(session.root(), "decide +kernel", 1.0)

    assert step.status == "timeout"
    assert session.run(session.root(), "skip", 30.0).status == "ok"


def test_a_step_that_leaves_a_sorry_does_not_count(searcher) -> None:
    session = searcher.session("theorem t : 1 = 2 := by sorry")

    assert session.run(session.root(), "sorry", 10.0).status == "error"


def test_unneeded_steps_are_left_out(searcher) -> None:
    statement = "theorem t (a b : Nat) (h : 0 < a ∧ a < 4) (k : 2 ^ a * b = 8 ∧ b < 2) : a = 3 := by sorry"

    result = searcher(statement)

    assert searcher.accepted(statement, result.script)
    assert len([line for line in result.script if line.startswith("have")]) <= 2


@pytest.mark.parametrize(
    "statement",
    [
        "theorem t (p q : Prop) (h : p ∨ q) : q ∨ p := by sorry",
        "theorem t (p q r : Prop) (h : p → q) (k : q → r) : p → r := by sorry",
        "theorem t (f : Nat → Nat) (h : ∀ x, f x = x) : f = id := by sorry",
    ],
    ids=["or", "implications", "functions"],
)
def test_plain_logic_is_proved(searcher, statement: str) -> None:
    assert searcher.accepted(statement, searcher(statement).script)
