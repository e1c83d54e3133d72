"""Disproving false statements, on real Lean."""

from __future__ import annotations

import pytest

from stepprove.agent.search.disprove import Disproof, _Negation, disprove
from stepprove.agent.search.goal import parse_goal
from stepprove.agent.search.terms.experiments import counterexamples
from stepprove.lean_project.repl.repl import ReplFailure


@pytest.fixture
def refute(searcher):
    def run(statement: str, seconds: float = 20.0) -> Disproof:
        return disprove(searcher.repl, lambda: searcher.open(statement), seconds)

    return run


def test_a_counterexample_is_shown(refute) -> None:
    result = refute("theorem t (a b : Nat) : a - b + b = a := by sorry")

    assert result.found
    assert result.counterexample == "a = 0, b = 1"


def test_a_counterexample_that_is_not_small_is_found_by_experiment(refute) -> None:
    result = refute("theorem t (n : Nat) (h : 30 < n) : (n * n + n + 41) % 41 ≠ 0 := by sorry")

    assert result.found
    assert result.counterexample == "n = 40"


def test_a_true_statement_is_not_disproved(refute) -> None:
    assert not refute("theorem t (a b : Nat) : a + b = b + a := by sorry", 5.0).found


def test_contradictory_hypotheses_do_not_disprove(refute) -> None:
    assert not refute("theorem t (n : Nat) (h : n < n) : n = 5 := by sorry", 5.0).found


def test_a_false_closed_statement_is_disproved_outright(refute) -> None:
    assert refute("theorem t : 2 ^ 10 = 1000 := by sorry").found


def test_an_engine_that_cannot_negate_is_not_asked_to(refute, searcher, monkeypatch) -> None:
    monkeypatch.setattr(searcher.repl, "supports_inspect", False)
    assert not refute("theorem t : 2 ^ 10 = 1000 := by sorry").found


def test_a_lost_negation_is_not_looked_for_under_its_old_number(searcher) -> None:
    opened = []

    def open_once() -> tuple[int, tuple[str, ...]]:
        if opened:
            raise ReplFailure("Lean no longer shows the goal")
        opened.append(True)
        return searcher.open("theorem t (n : Nat) : n < 5 := by sorry")

    negation = _Negation(searcher.repl, open_once)
    assert negation.open() is not None
    searcher.repl.restart()
    with pytest.raises(ReplFailure):
        negation.closes("trivial", 5.0, ())
    for _ in range(4):  # true goals, under the numbers that the new process gives out
        searcher.repl.command("theorem u : True := by sorry")
    negation._generation = searcher.repl.generation
    assert not negation.closes("trivial", 5.0, ())


def test_an_experiment_respects_the_hypotheses() -> None:
    goal = parse_goal("n : Nat\nh : 30 < n\n⊢ n < 33")

    assert counterexamples(goal)[0] == {"n": 33}
