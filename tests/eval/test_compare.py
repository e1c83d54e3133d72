"""Comparisons: McNemar's test against known values, paired differences by hand, and warnings where runs differ."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import finished_runs, run_of

from stepprove.eval.records.record import Run
from stepprove.eval.report.compare import NothingShared, compare
from stepprove.eval.scoring.estimators import mcnemar


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (9, 1, 22 / 1024), (6, 0, 1 / 32), (5, 5, 1.0), (3, 12, 1152 / 32768)],
)
def test_mcnemars_test_by_hand(gained: int, lost: int, p: float) -> None:
    """3 of 15: 2 · (1 + 15 + 105 + 455) / 2^15."""
    assert mcnemar(gained, lost) == p


def test_mcnemars_test_on_the_textbook_example() -> None:
    """Agresti's approval ratings, 150 against 86 changes of mind: the exact p is 3.7e-5."""
    assert mcnemar(150, 86) == pytest.approx(3.7e-5, rel=0.02)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_test_does_not_ask_which_run_came_first(gained: int, lost: int) -> None:
    assert mcnemar(gained, lost) == mcnemar(lost, gained) <= 1


def test_a_comparison_by_hand() -> None:
    a = run_of({"x": "PF", "y": "FF", "z": "PP", "only_a": "PP"})
    b = run_of({"x": "FF", "y": "PP", "z": "PP", "only_b": "FF"})
    found = compare(a, b)
    assert (found.shared, found.only_a, found.only_b) == (3, 1, 1)
    assert (found.gained, found.lost, found.both, found.neither) == (("y",), ("x",), 1, 0)
    one, two = found.differences
    assert (one.k, one.a, one.b, one.difference) == (1, 0.5, pytest.approx(2 / 3), pytest.approx(1 / 6))
    assert (two.k, two.a, two.b, two.difference) == (2, pytest.approx(2 / 3), pytest.approx(2 / 3), 0)
    assert found.p == 1.0 and not found.warnings and not found.blocked


@settings(max_examples=40)
@given(finished_runs())
def test_a_run_does_not_differ_from_itself(run: Run) -> None:
    found = compare(run, run, resamples=50)
    assert all((d.difference, d.low, d.high) == (0, None, None) for d in found.differences)
    assert not found.gained and not found.lost and found.p == 1.0


@settings(max_examples=40)
@given(finished_runs(), finished_runs())
def test_a_comparison_turned_round_has_the_opposite_sign(a: Run, b: Run) -> None:
    there, back = compare(a, b, resamples=200), compare(b, a, resamples=200)
    assert set(there.gained) == set(back.lost) and there.p == back.p
    for one, other in zip(there.differences, back.differences, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        if one.low is not None and one.high is not None:
            assert one.low - 1e-9 <= one.difference <= one.high + 1e-9


def test_the_pairing_narrows_the_interval() -> None:
    """B proves what A proves and one in ten more: every resampled difference has the same sign."""
    marks = {f"p{i}": "F" if i % 2 else "P" for i in range(100)}
    better = {name: "P" if i % 10 == 1 else letter for i, (name, letter) in enumerate(marks.items())}
    (difference,) = compare(run_of(marks), run_of(better)).differences
    assert difference.difference == pytest.approx(0.1)
    assert difference.low is not None and difference.low > 0.03
    assert difference.high is not None and difference.high < 0.17


def test_runs_that_share_nothing_are_refused() -> None:
    with pytest.raises(NothingShared, match="share no problem"):
        compare(run_of({"a": "P"}), run_of({"b": "P"}))


def test_nothing_is_concluded_from_a_run_that_is_not_whole() -> None:
    found = compare(run_of({"a": "P", "b": "I"}), run_of({"a": "F", "b": "P"}))
    (why,) = found.blocked
    assert why.startswith("A: ") and "the infrastructure spoiled 1 attempt" in why
    assert found.p is None and not found.differences and found.lost == ("a",)


def test_what_differs_besides_is_told() -> None:
    a = run_of({"a": "P", "b": "F"})
    b = run_of(
        {"a": "PP", "b": "PD"},
        sha256="cd" * 32,
        budget={"seconds": 60, "tokens": 100},
        engine="Lean 4.24.0 (native)",
        versions={"stepprove": "0.2.0", "python": "3.12.3"},
    )
    changed = b.problems[0].model_copy(update={"source": "theorem a : 2 = 2 := by sorry"})
    told = "\n".join(compare(a, b.model_copy(update={"problems": (changed, *b.problems[1:])})).warnings)
    for words in (
        "sha256 abababababababab in A, cdcdcdcdcdcdcdcd in B",
        "Statements of the same name differ: a.",
        "seconds 300 in A, seconds 60, tokens 100 in B",
        "Lean 4.24.0 (native) in B",
        "stepprove 0.1.0 in A, stepprove 0.2.0 in B",
        "the first 1 attempt of each",
    ):
        assert words in told
    assert "python" not in told


def test_a_problem_that_was_never_tried_is_no_other_problem() -> None:
    a, b = run_of({"a": "P"}), run_of({"a": "-"})
    unread = b.problems[0].model_copy(update={"source": ""})
    assert not compare(a, b.model_copy(update={"problems": (unread,)})).warnings


def test_a_proof_here_and_a_disproof_there_is_told() -> None:
    (warning,) = compare(run_of({"a": "P"}), run_of({"a": "D"})).warnings
    assert "which cannot be: a" in warning


def test_with_other_numbers_of_attempts_the_first_ones_decide() -> None:
    found = compare(run_of({"a": "FF", "b": "PP"}), run_of({"a": "FFPP", "b": "PPPP"}))
    assert found.first == 2 and found.gained == () and found.neither == 1
