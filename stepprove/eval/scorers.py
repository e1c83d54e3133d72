"""The trust gate as inspect's scorer.

A proof scores 1 and everything else 0, with one exception: an attempt that the infrastructure spoiled has no score. It is an
error of its sample, which inspect shows apart, leaves out of its metrics and makes again on a retry.
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
from stepprove.eval.record import Attempt
from stepprove.eval.solvers import ATTEMPT
from stepprove.lean_project.outcome import Outcome


class Spoiled(Exception):
    """The infrastructure kept an attempt from its end; the message says how."""


@metric
def timeouts() -> Metric:
    """How many attempts ran out of time."""

    def count(scores: list[SampleScore]) -> float:
        told = [each.score.metadata or {} for each in scores]
        return float(sum(each.get("outcome") == Outcome.TIMEOUT for each in told))

    return count


@scorer(metrics=[mean(), stderr(), timeouts()])
def gate(bench: Bench) -> Scorer:
    """Judge each attempt by the trust gate against the benchmark's own statement."""

    async def score(state: TaskState, target: Target) -> Score:
        attempt = await bench.judge(Attempt.model_validate(state.store.get(ATTEMPT)))
        if attempt.outcome is Outcome.INFRASTRUCTURE:
            raise Spoiled(attempt.reason)
        return Score(
            value=float(attempt.outcome is Outcome.PROVED),
            explanation=attempt.reason,
            metadata={"outcome": attempt.outcome.value, "errors": list(attempt.errors)},
        )

    return score
