"""Scores: the estimator against counting all draws, curves that end where they must, and nothing scored too early."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import attempt, finished_runs, run_of

from stepprove.eval.records.record import Run
from stepprove.eval.scoring.estimators import bootstrap, ks, pass_at_k
from stepprove.eval.scoring.scores import score
from stepprove.eval.scoring.tallies import InconsistentRun, tallies
from stepprove.outcome import Outcome

counts = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))


@given(counts)
def test_the_estimator_is_what_counting_every_draw_gives(of: tuple[int, int, int]) -> None:
    n, c, k = of
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == sum(map(any, draws)) / len(draws)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_estimator_grows_with_k_from_the_mean_to_any(of: tuple[int, int]) -> None:
    n, c = of
    values = [pass_at_k(n, c, k) for k in ks(n)]
    assert values == sorted(values)
    assert values[0] == c / n and values[-1] == float(c > 0)


def test_the_estimator_is_exact_where_floating_products_lose_digits() -> None:
    assert pass_at_k(10**6, 1, 1) == 1e-6
    assert pass_at_k(4096, 1, 2048) == 0.5
    assert pass_at_k(200, 3, 64) == (comb(200, 64) - comb(197, 64)) / comb(200, 64)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 5), (4, 1, 0), (0, 0, 1)])
def test_what_is_not_defined_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="is not defined"):
        pass_at_k(n, c, k)


def test_the_ks_are_powers_of_two_and_the_number_of_attempts() -> None:
    assert (ks(1), ks(8), ks(12)) == ((1,), (1, 2, 4, 8), (1, 2, 4, 8, 12))


def test_a_run_counted_by_hand() -> None:
    """(2/4 + 1/4 + 0 + 0) / 4 = 0.1875; pass@2: (1 - 1/6 + 1 - 3/6) / 4 = 1/3; pass@4: 2/4."""
    scores = score(run_of({"a": "PPFF", "b": "FTPF", "c": "TTTR", "d": "FDFF"}))
    assert scores.every is not None and scores.blocked is None
    assert [rate.k for rate in scores.every.pass_at] == [1, 2, 4]
    assert [rate.value for rate in scores.every.pass_at] == pytest.approx([0.1875, 1 / 3, 0.5])
    assert (scores.every.solved, scores.every.disproved) == (2, 1)
    assert {o.value: n for o, n in scores.outcomes.items()} == {
        "proved": 3, "disproved": 1, "failed": 7, "timeout": 4, "rejected": 1, "infrastructure": 0
    }  # fmt: skip


@settings(max_examples=40)
@given(finished_runs())
def test_pass_at_1_is_the_mean_over_attempts(run: Run) -> None:
    scores = score(run, resamples=50)
    assert scores.every is not None
    proved = sum(a.outcome is Outcome.PROVED for a in run.attempts)
    assert scores.every.pass_at[0].value == pytest.approx(proved / len(run.attempts))
    assert scores.every.pass_at[-1].value == pytest.approx(scores.every.solved / len(run.problems))


@settings(max_examples=40)
@given(finished_runs())
def test_curves_only_rise_and_end_at_the_score(run: Run) -> None:
    scores = score(run, resamples=50)
    for rates in filter(None, (scores.every, scores.sound)):
        for curve in rates.curves:
            assert list(curve.allowed) == sorted(set(curve.allowed))
            assert list(curve.pass_1) == sorted(curve.pass_1) and list(curve.solved) == sorted(curve.solved)
            assert all(one <= some for one, some in zip(curve.pass_1, curve.solved, strict=True))
            last = (curve.pass_1[-1], curve.solved[-1]) if curve.allowed else (0.0, 0.0)
            assert last == pytest.approx((rates.pass_at[0].value, rates.pass_at[-1].value))


@settings(max_examples=40)
@given(finished_runs())
def test_an_interval_holds_its_estimate(run: Run) -> None:
    scores = score(run, resamples=2000)
    for rates in filter(None, (scores.every, scores.sound)):
        for rate in rates.pass_at:
            if rate.low is not None and rate.high is not None:
                assert 0 <= rate.low <= rate.value + 1e-9 and rate.value - 1e-9 <= rate.high <= 1


def test_a_curve_by_hand() -> None:
    """Within 1 interaction one of four attempts proves; within 3, two; within 5, three: two problems of two."""
    scores = score(run_of({"a": "PP", "b": "FP"}, costs={"a": [1, 5], "b": [2, 3]}))
    assert scores.every is not None
    by_interactions, by_tokens, by_seconds = scores.every.curves
    assert by_interactions.allowed == (1, 3, 5) and by_seconds.allowed == (0.5, 1.5, 2.5)
    assert by_tokens.allowed == (100, 300, 500)
    assert by_interactions.pass_1 == (0.25, 0.5, 0.75) and by_interactions.solved == (0.5, 1.0, 1.0)


def test_an_interval_is_that_of_the_binomial() -> None:
    """50 of 100 problems: the 2.5 % and 97.5 % points of Binomial(100, 1/2) are 40 and 60."""
    run = run_of({f"p{i}": "PF"[i % 2] for i in range(100)})
    scores = score(run)
    assert scores.every is not None
    (rate,) = scores.every.pass_at
    assert (rate.low, rate.high) == (0.4, 0.6)


@pytest.mark.parametrize("marks", [{"a": "PF"}, {"a": "PF", "b": "FP"}, {"a": "PP", "b": "PP", "c": "PP"}])
def test_there_is_no_interval_without_a_spread(marks: dict[str, str]) -> None:
    scores = score(run_of(marks))
    assert scores.every is not None
    assert all(rate.low is None and rate.high is None for rate in scores.every.pass_at)


def test_the_same_seed_draws_the_same_whatever_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.linspace(0, 1, 30)[:, None]
    whole = bootstrap(values, resamples=500, seed=3)
    monkeypatch.setattr("stepprove.eval.scoring.estimators._CHUNK", 100)
    assert bootstrap(values, resamples=500, seed=3) == whole != bootstrap(values, resamples=500, seed=4)


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ({"a": "PI", "b": "PF"}, "the infrastructure spoiled 1 attempt"),
        ({"a": "P-", "b": "--"}, "3 attempts were never made"),
        ({"a": "-I"}, "the infrastructure spoiled 1 attempt and 1 attempt was never made"),
    ],
)
def test_there_is_no_score_until_every_attempt_has_an_end(marks: dict[str, str], why: str) -> None:
    scores = score(run_of(marks))
    assert scores.every is None and scores.sound is None
    assert scores.blocked is not None and why in scores.blocked


def test_there_is_no_score_of_a_run_that_says_it_is_not_finished() -> None:
    assert "did not come to its end" in str(score(run_of({"a": "P"}, finished=False)).blocked)


def test_there_is_no_score_of_nothing() -> None:
    assert "nothing to score" in str(score(run_of({})).blocked)


def test_a_retried_attempt_takes_the_place_of_the_spoiled_one() -> None:
    spoiled, made = attempt("a", 1, "I"), attempt("a", 1, "P")
    for attempts in ([spoiled, made], [made, spoiled], [spoiled, made, spoiled]):
        scores = score(run_of({"a": "P"}, attempts=attempts))
        assert scores.every is not None and scores.every.solved == 1 and scores.spoiled == 0


@pytest.mark.parametrize(
    "attempts",
    [
        [attempt("a", 1, "P"), attempt("a", 1, "F")],
        [attempt("a", 2, "P")],
        [attempt("a", 0, "P")],
        [attempt("other", 1, "P")],
        [attempt("a", 1, "P", seconds=float("nan"))],
        [attempt("a", 1, "P", tokens=-1)],
    ],
)
def test_attempts_that_do_not_fit_the_run_are_refused(attempts: list[object]) -> None:
    with pytest.raises(InconsistentRun):
        tallies(run_of({"a": "P"}, attempts=attempts))  # type: ignore[arg-type]


def test_two_problems_of_one_name_are_refused() -> None:
    run = run_of({"a": "P"})
    with pytest.raises(InconsistentRun, match="two problems"):
        tallies(run.model_copy(update={"problems": run.problems * 2}))


def test_broken_statements_are_scored_both_ways() -> None:
    scores = score(run_of({"a": "P", "b": "F", "c": "F"}, broken={"c": "false for x = 0"}))
    assert scores.every is not None and scores.sound is not None
    assert (scores.every.problems, scores.every.pass_at[0].value) == (3, pytest.approx(1 / 3))
    assert (scores.sound.problems, scores.sound.pass_at[0].value) == (2, 0.5)
    assert score(run_of({"a": "P"})).sound is None


def test_a_disproof_is_told_as_evidence_against_the_statement() -> None:
    (remark,) = score(run_of({"a": "FD", "b": "FD"}, broken={"b": "known"})).remarks
    assert remark == "Disproved here, though not listed as broken: a."


def test_a_contradiction_is_told() -> None:
    (remark,) = score(run_of({"a": "PD"})).remarks
    assert "cannot be: a" in remark


def lost_run(marks: dict[str, str], tries: int) -> Run:
    run = run_of(marks)
    spoiled = {"tries": tries}
    attempts = [
        a.model_copy(update=spoiled) if a.outcome is Outcome.INFRASTRUCTURE else a for a in run.attempts
    ]
    return run.model_copy(update={"attempts": tuple(attempts)})


def test_what_is_spoiled_three_times_leaves_bounds() -> None:
    """pass@1 (1/2 + 0) / 2 at least, (2/2 + 0) / 2 at most."""
    scores = score(lost_run({"a": "PI", "b": "FF"}, 3))
    assert (scores.blocked, scores.every, scores.lost, scores.unfinished) == (None, None, 1, True)
    assert scores.bounds is not None
    assert [r.value for r in scores.bounds.failed.pass_at] == [0.25, 0.5]
    assert [r.value for r in scores.bounds.succeeded.pass_at] == [0.5, 0.5]
    assert any("bounds" in remark for remark in scores.remarks)


def test_what_is_spoiled_twice_or_not_made_still_blocks() -> None:
    for run in (lost_run({"a": "PI"}, 2), lost_run({"a": "I-", "b": "PP"}, 3)):
        scores = score(run)
        assert scores.blocked is not None and scores.bounds is None and scores.every is None
