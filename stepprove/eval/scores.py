"""The numbers of a run: pass@k with intervals, what was solved within which cost, and what stands in their way.

A proof that the gate accepted is a success. A time-out, a rejection and Lean's no are attempts without one, and so is a proof of
the negation, which is shown apart: it says that the statement is broken. Of a formalizer, a statement that was shown to be
equivalent is a success, and the same estimator gives BEq@k. An attempt that the infrastructure spoiled, or that
was never made, is neither: as long as there is one, the run has no score. One that was spoiled three times may be spoiled for
ever; then there are two bounds in the place of a score, with such attempts counted as failures and as successes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from stepprove.eval.record import SUCCESSES, TRIES, Attempt, BadLog, BenchmarkProblem, Ending, Run
from stepprove.eval.report.header import count
from stepprove.outcome import Outcome
from stepprove.visible import brief

RESAMPLES = 10_000
LEVEL = 0.95
"""Of the confidence intervals."""

_CHUNK = 2_000_000
"""Numbers that the bootstrap holds at once, so that a large benchmark stays small in memory."""

Cost = Literal["interactions", "tokens", "seconds"]
COSTS: tuple[Cost, ...] = ("interactions", "tokens", "seconds")


class InconsistentRun(BadLog):
    """The attempts of a run do not fit its problems; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ProblemTally:
    """A problem and the attempts at it."""

    problem: BenchmarkProblem
    attempts: tuple[Attempt | None, ...]
    """By epoch; None was never made."""

    def count(self, outcome: Ending) -> int:
        """How many attempts ended so."""
        return sum(a is not None and a.outcome is outcome for a in self.attempts)

    @property
    def proved(self) -> int:
        """How many attempts succeeded: the gate accepted them, or the statement is equivalent."""
        return sum(a is not None and a.outcome in SUCCESSES for a in self.attempts)

    @property
    def typechecked(self) -> int:
        """How many attempts at a statement Lean accepts as one."""
        return sum(a is not None and a.type_checks is True for a in self.attempts)

    @property
    def missing(self) -> int:
        """Attempts that were never made."""
        return self.attempts.count(None)

    def least(self, cost: Cost) -> float | None:
        """What the cheapest proof took, None where there is none."""
        costs: list[float] = [getattr(a, cost) for a in self.attempts if a and a.outcome in SUCCESSES]
        return min(costs, default=None)

    def total(self, cost: Cost) -> float:
        """What all attempts took together."""
        return float(sum(getattr(a, cost) for a in self.attempts if a is not None))


class Rate(BaseModel):
    """An estimate of pass@k and its interval."""

    model_config = ConfigDict(frozen=True)

    k: int
    value: float
    low: float | None
    """Of the interval; None where a bootstrap says nothing: with one problem, or when all problems did alike."""
    high: float | None


class Curve(BaseModel):
    """How much is solved by attempts that are allowed so much, and no more."""

    model_config = ConfigDict(frozen=True)

    cost: Cost
    allowed: tuple[float, ...]
    """Interactions with Lean, tokens or seconds of one attempt: where something is solved, in ascending order."""
    pass_1: tuple[float, ...]
    """Share of the attempts, which is pass@1; the last is the run's."""
    solved: tuple[float, ...]
    """Share of the problems that at least one attempt solves."""

    def at(self, allowed: float) -> tuple[float, float]:
        """pass@1 and the share of problems solved when an attempt may cost so much."""
        reached = bisect_right(self.allowed, allowed)
        return (self.pass_1[reached - 1], self.solved[reached - 1]) if reached else (0.0, 0.0)


class Rates(BaseModel):
    """What a set of problems scored."""

    model_config = ConfigDict(frozen=True)

    problems: int
    solved: int
    """Problems with at least one success."""
    disproved: int
    """Problems whose negation was proved, and which were not."""
    pass_at: tuple[Rate, ...]
    typechecked: Rate | None = None
    """typecheck@1: the share of a formalizer's attempts whose statement Lean accepts; None of a prover."""
    curves: tuple[Curve, ...]

    @property
    def headline(self) -> tuple[Rate, ...]:
        """The first and the last: pass@1, and pass@k for all attempts."""
        return self.pass_at if len(self.pass_at) < 2 else (self.pass_at[0], self.pass_at[-1])


class Bounds(BaseModel):
    """Between what a score lies while attempts are lost to the infrastructure; the curves are left out."""

    model_config = ConfigDict(frozen=True)

    failed: Rates
    """Over all problems, the lost attempts counted as failures."""
    succeeded: Rates
    """The same, counted as successes."""


class Scores(BaseModel):
    """All that is counted in a run."""

    model_config = ConfigDict(frozen=True)

    problems: int
    epochs: int
    outcomes: dict[Ending, int]
    """Attempts by their end; those that the infrastructure spoiled are among them."""
    missing: int
    blocked: str | None
    """Why there is no score yet."""
    every: Rates | None
    """Over all problems; None while blocked, and where there are bounds."""
    sound: Rates | None
    """Without the statements that are known to be broken; None where `every` is, and where none is broken."""
    lost: int
    """Attempts that the infrastructure spoiled three times, which are among the spoiled ones."""
    bounds: Bounds | None
    """In the place of `every` where attempts are lost, and nothing else is in the way."""
    remarks: tuple[str, ...]
    """What a reader should know about the benchmark or the run, a sentence each."""
    resamples: int
    level: float
    seed: int

    @property
    def unfinished(self) -> bool:
        """Whether attempts have no end."""
        return self.blocked is not None or self.lost > 0

    @property
    def spoiled(self) -> int:
        """Attempts that the infrastructure spoiled."""
        return self.outcomes[Outcome.INFRASTRUCTURE]


@cache
def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that one of k attempts, drawn from n of which c succeeded, is a success: 1 - C(n - c, k) / C(n, k).

    The unbiased estimator of pass@k (Chen et al. 2021, section 2.1). In whole numbers, and so exact to the last bit.
    Raises ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} successes in {n} attempts is not defined")
    ways = comb(n, k)
    return (ways - comb(n - c, k)) / ways


def ks(n: int) -> tuple[int, ...]:
    """The k that n attempts allow and a report shows: powers of two, and n."""
    return tuple(sorted({n} | {2**e for e in range(n.bit_length()) if 2**e <= n}))


def bootstrap(
    values: NDArray[np.float64], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> list[tuple[float, float] | None]:
    """Percentile intervals of the means of columns, by drawing rows (problems) anew with replacement.

    Args:
        values: (problems, figures).
        resamples: how often a set of as many problems is drawn.
        level: how much of the drawn means an interval holds.
        seed: of the draws; the same rows are drawn for every column.

    None for a column that has one row, or the same value in all: its spread is not to be had from it.
    """
    rows, columns = values.shape
    if rows < 2:
        return [None] * columns
    generator = np.random.default_rng(seed)
    # How often each kind of row is drawn is all that matters, and there are few kinds.
    kinds, often = np.unique(values, axis=0, return_counts=True)
    means: list[NDArray[np.float64]] = []
    at_once = max(1, _CHUNK // len(kinds))
    for start in range(0, resamples, at_once):
        drawn = generator.multinomial(rows, often / rows, size=min(at_once, resamples - start))
        means.append(drawn @ kinds / rows)
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail), axis=0)
    alike = np.ptp(values, axis=0) < 1e-12
    return [None if alike[i] else (float(low[i]), float(high[i])) for i in range(columns)]


def tallies(run: Run) -> tuple[ProblemTally, ...]:
    """The run's problems in their order, each with its attempts. Raises InconsistentRun.

    An attempt that the infrastructure spoiled is replaced by a later one of the same epoch.
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


def score(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> Scores:
    """Count a run. Raises InconsistentRun.

    Args:
        run: what was done.
        resamples: of the bootstrap over problems.
        seed: of the bootstrap.
    """
    tried = tallies(run)
    sound = tuple(tally for tally in tried if tally.problem.broken is None)
    why_not = blocked(run, tried)
    lost = lost_of(tried)
    told = why_not is None and not lost
    some_broken = len(sound) < len(tried)
    return Scores(
        problems=len(tried),
        epochs=run.epochs,
        outcomes={ending: sum(tally.count(ending) for tally in tried) for ending in run.endings},
        missing=sum(tally.missing for tally in tried),
        blocked=why_not,
        every=_rates(tried, run, resamples, seed) if told else None,
        sound=_rates(sound, run, resamples, seed) if told and sound and some_broken else None,
        lost=lost,
        bounds=None if why_not or not lost else _bounds(tried, run, resamples, seed),
        remarks=(*left_out_words(run.left_out), *_lost_words(tried), *_remarks(tried)),
        resamples=resamples,
        level=LEVEL,
        seed=seed,
    )


def blocked(run: Run, tried: Sequence[ProblemTally]) -> str | None:
    """Why a run has no score yet, in a sentence or two; None when it has one."""
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
    """How many attempts are lost to the infrastructure."""
    return sum(attempt is not None and attempt.lost for tally in tried for attempt in tally.attempts)


def _bounds(tried: Sequence[ProblemTally], run: Run, resamples: int, seed: int) -> Bounds:
    won = {"outcome": run.endings[0], "type_checks": True}
    best = [
        ProblemTally(t.problem, tuple(a.model_copy(update=won) if a and a.lost else a for a in t.attempts))
        for t in tried
    ]
    failed, succeeded = (
        _rates(each, run, resamples, seed).model_copy(update={"curves": ()}) for each in (tried, best)
    )
    return Bounds(failed=failed, succeeded=succeeded)


def _rates(tried: Sequence[ProblemTally], run: Run, resamples: int, seed: int) -> Rates:
    n = run.epochs
    allowed = ks(n)
    values = [[*(pass_at_k(n, tally.proved, k) for k in allowed), tally.typechecked / n] for tally in tried]
    columns = np.array(values)
    intervals = bootstrap(columns, resamples=resamples, seed=seed)
    *rates, typechecked = [
        Rate(k=k, value=float(column.mean()), low=low, high=high)
        for k, column, interval in zip((*allowed, 1), columns.T, intervals, strict=True)
        for low, high in [interval or (None, None)]
    ]
    return Rates(
        problems=len(tried),
        solved=sum(tally.proved > 0 for tally in tried),
        disproved=sum(not tally.proved and tally.count(Outcome.DISPROVED) > 0 for tally in tried),
        pass_at=tuple(rates),
        typechecked=None if run.method is None else typechecked,
        curves=tuple(_curve(tried, n, cost) for cost in COSTS),
    )


def _curve(tried: Sequence[ProblemTally], n: int, cost: Cost) -> Curve:
    proofs: Counter[float] = Counter()
    firsts: Counter[float] = Counter()
    for tally in tried:
        costs = [getattr(a, cost) for a in tally.attempts if a and a.outcome in SUCCESSES]
        proofs.update(costs)
        if costs:
            firsts[min(costs)] += 1
    allowed = sorted(proofs)
    found = np.cumsum([proofs[at] for at in allowed], dtype=np.int64)
    solved = np.cumsum([firsts[at] for at in allowed], dtype=np.int64)
    return Curve(
        cost=cost,
        allowed=tuple(allowed),
        pass_1=tuple(float(proved) / (n * len(tried)) for proved in found),
        solved=tuple(float(proved) / len(tried) for proved in solved),
    )


def _remarks(tried: Sequence[ProblemTally]) -> tuple[str, ...]:
    both = [t.problem.name for t in tried if t.proved and t.count(Outcome.DISPROVED)]
    false = [
        t.problem.name
        for t in tried
        if not t.proved and t.count(Outcome.DISPROVED) and t.problem.broken is None
    ]
    remarks = []
    if both:
        remarks.append(f"Both proved and disproved, which cannot be: {names(both)}. Please report this.")
    if false:
        remarks.append(f"Disproved here, though not listed as broken: {names(false)}.")
    return tuple(remarks)


def left_out_words(why: Mapping[str, str]) -> Iterator[str]:
    """Which statements a formalizer is not asked for, a sentence for each reason."""
    for reason in dict.fromkeys(why.values()):
        of = [name for name, said in why.items() if said == reason]
        yield f"{count(len(of), 'statement')} left out, for each: {reason} ({names(of)})."


def _lost_words(tried: Sequence[ProblemTally]) -> Iterator[str]:
    if lost := lost_of(tried):
        of = [t.problem.name for t in tried if any(a is not None and a.lost for a in t.attempts)]
        yield (
            f"The infrastructure spoiled {count(lost, 'attempt')} at least {TRIES} times ({names(of)}): nothing is known of what "
            "they would have come to, so that the figures are bounds."
        )


def names(of: Sequence[str], most: int = 8) -> str:
    """The first names and how many more there are, for a sentence."""
    rest = len(of) - most
    return ", ".join(map(brief, of[:most])) + (f" and {rest} more" if rest > 0 else "")
