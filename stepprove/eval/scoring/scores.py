"""The scores of a run: pass@k with intervals, problems solved within a cost, and infrastructure failures apart.

A proof that the gate accepts is a success. A time-out, a rejection and a failure are attempts without success; so is a proof of
the negation, which is shown apart because it means that the statement is broken. For a formalizer a statement proved equivalent
is a success, and the same estimator gives BEq@k. An attempt that is missing or failed by infrastructure is neither, and while
there is one, the run has no score. An attempt with three infrastructure failures counts as lost; then two bounds replace the
score, with the lost attempts as failures and as successes.
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

from stepprove.eval.records.record import SUCCESSES, TRIES, Attempt, BadLog, BenchmarkProblem, Ending, Run
from stepprove.eval.report.header import count
from stepprove.outcome import Outcome
from stepprove.visible import brief

RESAMPLES = 10_000
LEVEL = 0.95
"""The level of the confidence intervals."""

_CHUNK = 2_000_000
"""Numbers in memory at once in the bootstrap."""

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


@cache
def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of pass@k: 1 - C(n - c, k) / C(n, k), exact in whole numbers.

    It is the chance that one of k attempts, drawn from n with c successes, is a success.

    Args:
        n: attempts.
        c: successes among them, 0 <= c <= n.
        k: attempts drawn, 1 <= k <= n.

    Raises:
        ValueError: the numbers are out of range.

    Source: Chen et al. 2021, section 2.1.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} successes in {n} attempts is not defined")
    ways = comb(n, k)
    return (ways - comb(n - c, k)) / ways


def ks(n: int) -> tuple[int, ...]:
    """Return the values of k in a report of n attempts: powers of two, and n."""
    return tuple(sorted({n} | {2**e for e in range(n.bit_length()) if 2**e <= n}))


def bootstrap(
    values: NDArray[np.float64], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> list[tuple[float, float] | None]:
    """Return percentile intervals of column means, by resampling rows (problems) with replacement.

    Args:
        values: (problems, figures).
        resamples: the number of resamples.
        level: the share of resampled means inside an interval.
        seed: of the draws, which all columns share.

    Returns:
        An interval for each column; None for a column with one row, or with equal values, because it shows no spread.
    """
    rows, columns = values.shape
    if rows < 2:
        return [None] * columns
    generator = np.random.default_rng(seed)
    # Only the number of draws of each distinct row matters, and there are few distinct rows.
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


def score(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> Scores:
    """Score a run; raise InconsistentRun.

    Args:
        run: the run.
        resamples: of the bootstrap over problems.
        seed: of the bootstrap.
    """
    tried = tallies(run)
    sound = tuple(tally for tally in tried if tally.problem.broken is None)
    why_not = blocked(run, tried)
    lost = lost_of(tried)
    complete = why_not is None and not lost
    some_broken = len(sound) < len(tried)
    return Scores(
        problems=len(tried),
        epochs=run.epochs,
        outcomes={ending: sum(tally.count(ending) for tally in tried) for ending in run.endings},
        missing=sum(tally.missing for tally in tried),
        blocked=why_not,
        every=_rates(tried, run, resamples, seed) if complete else None,
        sound=_rates(sound, run, resamples, seed) if complete and sound and some_broken else None,
        lost=lost,
        bounds=None if why_not or not lost else _bounds(tried, run, resamples, seed),
        remarks=(*left_out_words(run.left_out), *_lost_words(tried), *_remarks(tried)),
        resamples=resamples,
        level=LEVEL,
        seed=seed,
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


def _bounds(tried: Sequence[ProblemTally], run: Run, resamples: int, seed: int) -> Bounds:
    won = {"outcome": run.endings[0], "type_checks": True}
    best = [
        ProblemTally(t.problem, tuple(a.model_copy(update=won) if a and a.lost else a for a in t.attempts))
        for t in tried
    ]
    failed, succeeded = (
        _rates(tallies_of_bound, run, resamples, seed).model_copy(update={"curves": ()})
        for tallies_of_bound in (tried, best)
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
    proofs_within = np.cumsum([proofs[at] for at in allowed], dtype=np.int64)
    solved = np.cumsum([firsts[at] for at in allowed], dtype=np.int64)
    return Curve(
        cost=cost,
        allowed=tuple(allowed),
        pass_1=tuple(float(proved) / (n * len(tried)) for proved in proofs_within),
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
    """Yield a sentence for each reason to leave statements out."""
    for reason in dict.fromkeys(why.values()):
        of = [name for name, other in why.items() if other == reason]
        yield f"{count(len(of), 'statement')} left out, for each: {reason} ({names(of)})."


def _lost_words(tried: Sequence[ProblemTally]) -> Iterator[str]:
    if lost := lost_of(tried):
        of = [t.problem.name for t in tried if any(a is not None and a.lost for a in t.attempts)]
        yield (
            f"The infrastructure spoiled {count(lost, 'attempt')} at least {TRIES} times ({names(of)}): nothing is known of what "
            "they would have come to, so that the figures are bounds."
        )


def names(of: Sequence[str], most: int = 8) -> str:
    """Return the first names and the number of the others, for a sentence."""
    rest = len(of) - most
    return ", ".join(map(brief, of[:most])) + (f" and {rest} more" if rest > 0 else "")
