"""The trust gate and BEq as inspect's scorers.

A success scores 1 and every other outcome 0, except that an infrastructure outcome has no score. It is an error of its sample,
which inspect shows apart, excludes from its metrics and repeats on a retry.
"""

from __future__ import annotations

from inspect_ai.scorer import (
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    mean,
    metric,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState

from stepprove.eval.bench import Bench
from stepprove.eval.records.record import SUCCESSES, Attempt
from stepprove.eval.solvers import ATTEMPT
from stepprove.outcome import Outcome


class AttemptSpoiled(Exception):
    """The infrastructure failed at an attempt; the message says how."""


@metric
def timeouts() -> Metric:
    """Count the attempts that timed out."""

    def count(scores: list[SampleScore]) -> float:
        metadata = [sample.score.metadata or {} for sample in scores]
        return float(sum(values.get("outcome") == Outcome.TIMEOUT for values in metadata))

    return count


@scorer(metrics=[mean(), stderr(), timeouts()])
def gate(bench: Bench) -> Scorer:
    """Judge each attempt by the trust gate against the benchmark's own statement."""
    return _judging(bench)


@metric
def typechecked() -> Metric:
    """Return typecheck@1, the share of attempts with a statement that Lean accepts."""

    def share(scores: list[SampleScore]) -> float:
        type_checks = [bool((sample.score.metadata or {}).get("type_checks")) for sample in scores]
        return sum(type_checks) / len(type_checks) if type_checks else 0.0

    return share


@scorer(metrics=[mean(), stderr(), typechecked(), timeouts()])
def beq(bench: Bench) -> Scorer:
    """Compare each statement with the benchmark's own."""
    return _judging(bench)


def _judging(bench: Bench) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        attempt = await bench.judge(Attempt.model_validate(state.store.get(ATTEMPT)))
        if attempt.outcome is Outcome.INFRASTRUCTURE:
            raise AttemptSpoiled(attempt.reason)
        metadata = attempt.model_dump(mode="json", include={"outcome", "errors", "type_checks"})
        return Score(
            value=float(attempt.outcome in SUCCESSES),
            explanation=attempt.reason,
            metadata=metadata,
        )

    return score
