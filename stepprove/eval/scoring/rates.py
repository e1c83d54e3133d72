"""The scores of a run, as data."""

from __future__ import annotations

from bisect import bisect_right

from pydantic import BaseModel, ConfigDict

from stepprove.eval.records.record import Ending
from stepprove.eval.scoring.tallies import Cost
from stepprove.outcome import Outcome


class Rate(BaseModel):
    """An estimate of pass@k and its interval."""

    model_config = ConfigDict(frozen=True)

    k: int
    value: float
    low: float | None
    """The lower end of the interval; None without spread: with one problem, or if all problems have the same value."""
    high: float | None


class Curve(BaseModel):
    """The solved share as a function of the cost that an attempt may have."""

    model_config = ConfigDict(frozen=True)

    cost: Cost
    allowed: tuple[float, ...]
    """Interactions with Lean, tokens or seconds of one attempt: the costs at which the curve rises, ascending."""
    pass_1: tuple[float, ...]
    """The share of successful attempts, which is pass@1; the last is the run's."""
    solved: tuple[float, ...]
    """The share of problems that at least one attempt solves."""

    def at(self, allowed: float) -> tuple[float, float]:
        """Return pass@1 and the share of problems solved at a cost limit per attempt."""
        reached = bisect_right(self.allowed, allowed)
        return (self.pass_1[reached - 1], self.solved[reached - 1]) if reached else (0.0, 0.0)


class Rates(BaseModel):
    """The scores of a set of problems."""

    model_config = ConfigDict(frozen=True)

    problems: int
    solved: int
    """Problems with at least one success."""
    disproved: int
    """Unsolved problems with a proof of the negation."""
    pass_at: tuple[Rate, ...]
    typechecked: Rate | None = None
    """typecheck@1: the share of a formalizer's attempts with a statement that Lean accepts; None for a prover."""
    curves: tuple[Curve, ...]

    @property
    def headline(self) -> tuple[Rate, ...]:
        """pass@1, and pass@k for all attempts."""
        return self.pass_at if len(self.pass_at) < 2 else (self.pass_at[0], self.pass_at[-1])


class Bounds(BaseModel):
    """The bounds of a score while attempts are lost; without curves."""

    model_config = ConfigDict(frozen=True)

    failed: Rates
    """Over all problems, with lost attempts as failures."""
    succeeded: Rates
    """The same, with lost attempts as successes."""


class Scores(BaseModel):
    """All scores of a run."""

    model_config = ConfigDict(frozen=True)

    problems: int
    epochs: int
    outcomes: dict[Ending, int]
    """Attempts by outcome, infrastructure failures included."""
    missing: int
    blocked: str | None
    """The reason that there is no score yet."""
    every: Rates | None
    """Over all problems; None while blocked, and if there are bounds."""
    sound: Rates | None
    """Without the statements with known errors; None if `every` is, and if there are none."""
    lost: int
    """Attempts with three infrastructure failures."""
    bounds: Bounds | None
    """Replace `every` if attempts are lost and nothing else blocks the score."""
    remarks: tuple[str, ...]
    """Remarks on the benchmark or the run, a sentence each."""
    resamples: int
    level: float
    seed: int

    @property
    def unfinished(self) -> bool:
        """Whether some attempt has no outcome yet."""
        return self.blocked is not None or self.lost > 0

    @property
    def spoiled(self) -> int:
        """Attempts that failed by infrastructure."""
        return self.outcomes[Outcome.INFRASTRUCTURE]
