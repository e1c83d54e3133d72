"""The problems of a run, each with its attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from stepprove.eval.records.record import SUCCESSES, Attempt, BadLog, BenchmarkProblem, Ending, Run
from stepprove.eval.report.header import count
from stepprove.outcome import Outcome
from stepprove.visible import brief

Cost = Literal["interactions", "tokens", "seconds"]

COSTS: tuple[Cost, ...] = ("interactions", "tokens", "seconds")


class InconsistentRun(BadLog):
    """The attempts of a run do not fit its problems; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ProblemTally:
    """A problem and its attempts."""

    problem: BenchmarkProblem
    attempts: tuple[Attempt | None, ...]
    """By epoch; None was never made."""

    def count(self, outcome: Ending) -> int:
        """Return the number of attempts with this outcome."""
        return sum(a is not None and a.outcome is outcome for a in self.attempts)

    @property
    def proved(self) -> int:
        """Attempts with success: the gate accepted them, or the statement is equivalent."""
        return sum(a is not None and a.outcome in SUCCESSES for a in self.attempts)

    @property
    def typechecked(self) -> int:
        """Attempts with a statement that Lean accepts."""
        return sum(a is not None and a.type_checks is True for a in self.attempts)

    @property
    def missing(self) -> int:
        """Attempts that were never made."""
        return self.attempts.count(None)

    def least(self, cost: Cost) -> float | None:
        """Return the cost of the cheapest proof; None without one."""
        costs: list[float] = [getattr(a, cost) for a in self.attempts if a and a.outcome in SUCCESSES]
        return min(costs, default=None)

    def total(self, cost: Cost) -> float:
        """Return the cost of all attempts."""
        return float(sum(getattr(a, cost) for a in self.attempts if a is not None))


def tallies(run: Run) -> tuple[ProblemTally, ...]:
    """Return the run's problems in order, each with its attempts; raise InconsistentRun.

    A later attempt of the same epoch replaces one that failed by infrastructure.
    """
    made: dict[str, dict[int, Attempt]] = {problem.name: {} for problem in run.problems}
    if len(made) < len(run.problems):
        (name, _), *_ = Counter(problem.name for problem in run.problems).most_common(1)
        raise InconsistentRun(f"The run has two problems of the name {brief(name)}.")
    for attempt in run.attempts:
        epochs = made.get(attempt.problem)
        if epochs is None or not 1 <= attempt.epoch <= run.epochs:
            raise InconsistentRun(
                f"The run has an attempt {attempt.epoch} at {brief(attempt.problem)}, which was not to be made."
            )
        if not 0 <= attempt.seconds < inf or attempt.interactions < 0 or attempt.tokens < 0:
            raise InconsistentRun(
                f"The run has an attempt at {brief(attempt.problem)} whose cost is no cost."
            )
        before = epochs.get(attempt.epoch)
        if before is None or before.outcome is Outcome.INFRASTRUCTURE:
            epochs[attempt.epoch] = attempt
        elif attempt.outcome is not Outcome.INFRASTRUCTURE:
            raise InconsistentRun(f"The run has two attempts {attempt.epoch} at {brief(attempt.problem)}.")
    return tuple(
        ProblemTally(problem, tuple(made[problem.name].get(epoch) for epoch in range(1, run.epochs + 1)))
        for problem in run.problems
    )


def blocked(run: Run, tried: Sequence[ProblemTally]) -> str | None:
    """Return the reason that a run has no score yet, in a sentence or two; None if it has one."""
    lost = lost_of(tried)
    spoiled = sum(tally.count(Outcome.INFRASTRUCTURE) for tally in tried) - lost
    missing = sum(tally.missing for tally in tried)
    if not tried or run.epochs < 1:
        return "There is nothing to score: no attempt was to be made."
    wrong = []
    if spoiled:
        wrong.append(f"the infrastructure spoiled {count(spoiled, 'attempt')}")
    if missing:
        wrong.append(f"{count(missing, 'attempt')} {'was' if missing == 1 else 'were'} never made")
    if not wrong and not run.finished and not lost:
        wrong.append("the run did not come to its end")
    return f"No score yet: {' and '.join(wrong)}. None of this is counted as a failure." if wrong else None


def lost_of(tried: Sequence[ProblemTally]) -> int:
    """Return the number of lost attempts."""
    return sum(attempt is not None and attempt.lost for tally in tried for attempt in tally.attempts)
