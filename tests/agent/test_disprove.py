"""Disproving false statements, on real Lean."""

from __future__ import annotations

import pytest

from stepprove.agent.disprove import Disproof, disprove
from stepprove.agent.experiments import counterexamples
from stepprove.agent.goal import parse_goal


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


def test_an_experiment_respects_the_hypotheses() -> None:
    goal = parse_goal("n : Nat\nh : 30 < n\n⊢ n < 33")

    assert counterexamples(goal)[0] == {"n": 33}
