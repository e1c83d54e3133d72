"""A run with its scores, as data and in the words of all report forms."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from stepprove.eval.records.record import Run
from stepprove.eval.report.header import count
from stepprove.eval.report.plots import powers_of_two, round_numbers
from stepprove.eval.scoring.rates import Curve, Rate, Rates, Scores
from stepprove.eval.scoring.tallies import tallies
from stepprove.visible import encodable, in_line

_LONG = {"problem", "candidate", "gated", "errors", "trace"}
"""Fields that the JSON form leaves to the log."""
_TOLD = 12
"""Costs in a table of problems solved within them."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, its scores, and its log's path as a user would name it."""

    run: Run
    scores: Scores
    log: str

    @property
    def retry(self) -> str:
        """The command that makes the missing and failed attempts."""
        return f"stepprove eval retry {in_line(shlex.quote(self.log))}"

    @property
    def intervals(self) -> str:
        """The method of the intervals."""
        scores = self.scores
        return (
            f"In brackets: {100 * scores.level:.0f} % intervals, percentiles of {scores.resamples:,} bootstrap resamples "
            f"of the problems (seed {scores.seed}). Where there is none, all problems did alike, or there is only one."
        )

    def figures(self, rates: Rates) -> str:
        """Return the headline in one line for a terminal."""
        return ", ".join(f"{name} {rate_words(rate)}" for name, rate in self.headline(rates))

    def headline(self, rates: Rates) -> list[tuple[str, Rate]]:
        """Return the first figures by name: `pass@1`, `BEq@16`, `typecheck@1`."""
        cost_rows = [(f"{self.run.metric}@{rate.k}", rate) for rate in rates.headline]
        return cost_rows if rates.typechecked is None else [*cost_rows, ("typecheck@1", rates.typechecked)]

    @property
    def rows(self) -> list[tuple[str, Rates]]:
        """Return the scores with and without statements with known errors, or the two bounds; none while blocked."""
        if (bounds := self.scores.bounds) is not None:
            lost = count(self.scores.lost, "lost attempt")
            return [
                (f"at least, with {lost} counted as failed", bounds.failed),
                (f"at most, with {lost} counted as {self.run.solved}", bounds.succeeded),
            ]
        if self.scores.every is None:
            return []
        every = ("all problems", self.scores.every)
        if self.scores.sound is None:
            return [every]
        broken = self.scores.problems - self.scores.sound.problems
        return [every, (f"without {broken} known to be broken", self.scores.sound)]


def document(report: Report) -> dict[str, Any]:
    """Return the report as data: the run, its scores, problems and attempts, without long texts."""
    run = report.run.model_dump(mode="json", exclude={"problems", "attempts"})
    problems = [
        {
            "name": tally.problem.name,
            "broken": tally.problem.broken,
            "attempts": [
                attempt and attempt.model_dump(mode="json", exclude=_LONG) for attempt in tally.attempts
            ],
        }
        for tally in tallies(report.run)
    ]
    scores = report.scores.model_dump(mode="json")
    cost_rows: dict[str, Any] = encodable(
        {"log": report.log, "run": run, "scores": scores, "problems": problems}
    )
    return cost_rows


def percent(share: float) -> str:
    """Return a share as 92.6 %."""
    return f"{100 * share:.1f} %"


def rate_words(rate: Rate) -> str:
    """Return a rate with its interval: 92.6 % (85.2–98.1)."""
    if rate.low is None or rate.high is None:
        return percent(rate.value)
    return f"{percent(rate.value)} ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def informative_curves(rates: Rates) -> list[Curve]:
    """Return the curves with a proof and a cost above zero."""
    return [curve for curve in rates.curves if curve.allowed and curve.allowed[-1] > 0]


def ticks(curve: Curve) -> list[float]:
    """Return the costs that mark a curve's axis."""
    positive = [at for at in curve.allowed if at > 0]
    if curve.cost == "interactions":
        return powers_of_two(positive[-1])
    return round_numbers(positive[0], positive[-1])


def cost_rows(curve: Curve) -> list[tuple[float, float, float]]:
    """Return a curve in a few rows: (cost, pass@1, solved)."""
    return [(at, *curve.at(at)) for at in ticks(curve)[-_TOLD:]]
