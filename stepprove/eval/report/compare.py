"""Compare two runs on their common problems: paired differences, McNemar's test, problems gained and lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from stepprove.eval.records.record import SUCCESSES, Run
from stepprove.eval.report.header import caption, count, pairs, title
from stepprove.eval.scoring.estimators import LEVEL, RESAMPLES, bootstrap, mcnemar, pass_at_k
from stepprove.eval.scoring.remarks import names
from stepprove.eval.scoring.tallies import ProblemTally, blocked, lost_of, tallies
from stepprove.faults import Failure
from stepprove.outcome import Outcome
from stepprove.visible import brief, in_line


class NothingShared(Failure, ValueError):
    """Two runs have no problem in common; the message is one sentence."""

    exit_code = 2


class Difference(BaseModel):
    """The difference of a pass rate, B minus A."""

    model_config = ConfigDict(frozen=True)

    k: int
    a: float
    b: float
    difference: float
    low: float | None
    """The lower end of the interval; None with one problem, or if every problem has the same difference."""
    high: float | None


class Comparison(BaseModel):
    """Run B against run A."""

    model_config = ConfigDict(frozen=True)

    shared: int
    """Problems of both runs."""
    only_a: int
    only_b: int
    first: int
    """Attempts per problem that decide solved or not: the smaller number of the two runs."""
    blocked: tuple[str, ...]
    """Reasons that there is no comparison yet, a sentence each; then there are no differences."""
    warnings: tuple[str, ...]
    """Other differences between the runs, a sentence each."""
    differences: tuple[Difference, ...]
    """Differences of pass@1, and of pass@k for the largest k that both allow."""
    gained: tuple[str, ...]
    """Solved by B and not by A, within the first attempts."""
    lost: tuple[str, ...]
    both: int
    neither: int
    p: float | None
    """McNemar's exact two-sided test on gains and losses; None while blocked."""
    resamples: int
    level: float
    seed: int


def compare(a: Run, b: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare run B with run A.

    Args:
        a: the baseline.
        b: the run to compare.
        resamples: of the paired bootstrap over problems.
        seed: of the bootstrap.

    Raises:
        NothingShared: the runs have no problem in common.
        InconsistentRun: a run's attempts do not fit its problems.
    """
    if (a.method is None) != (b.method is None):
        raise NothingShared("One run is of proofs, the other of statements, so there is nothing to compare.")
    tried = {"A": (a, tallies(a)), "B": (b, tallies(b))}
    in_a, in_b = ({tally.problem.name: tally for tally in tried[name][1]} for name in "AB")
    pairs = [(in_a[name], in_b[name]) for name in in_a if name in in_b]
    if not pairs:
        raise NothingShared("The two runs share no problem, so there is nothing to compare.")
    first = min(a.epochs, b.epochs)
    why_not = tuple(f"{name}: {why}" for name, of in tried.items() if (why := _no_score(*of)) is not None)
    solved = [tuple(_solved(tally, first) for tally in pair) for pair in pairs]
    gained = tuple(x.problem.name for (x, _), s in zip(pairs, solved, strict=True) if s == (False, True))
    lost = tuple(x.problem.name for (x, _), s in zip(pairs, solved, strict=True) if s == (True, False))
    return Comparison(
        shared=len(pairs),
        only_a=len(in_a) - len(pairs),
        only_b=len(in_b) - len(pairs),
        first=first,
        blocked=why_not,
        warnings=tuple(_warnings(a, b, pairs)),
        differences=() if why_not else _differences(pairs, first, resamples, seed),
        gained=gained,
        lost=lost,
        both=solved.count((True, True)),
        neither=solved.count((False, False)),
        p=None if why_not else mcnemar(len(gained), len(lost)),
        resamples=resamples,
        level=LEVEL,
        seed=seed,
    )


def lines(comparison: Comparison, a: Run, b: Run) -> Iterator[str]:
    """Yield the comparison as lines of plain text."""
    for name, run in (("A", a), ("B", b)):
        yield f"{name}: {title(run)}"
        yield f"   {caption(run, len(run.problems))}"
    yield from (in_line(f"Warning: {warning}") for warning in comparison.warnings)
    yield (
        f"{count(comparison.shared, 'shared problem')}, {comparison.only_a} only in A, {comparison.only_b} only in B"
    )
    yield ""
    yield from comparison.blocked
    for difference in comparison.differences:
        interval = (
            ""
            if difference.low is None or difference.high is None
            else f" ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"
        )
        yield (
            f"{a.metric}@{difference.k:<4} A {100 * difference.a:5.1f} %   B {100 * difference.b:5.1f} %   "
            f"B - A {100 * difference.difference:+.1f} points{interval}"
        )
    if comparison.differences:
        yield (
            f"In brackets: {100 * comparison.level:.0f} % intervals of {comparison.resamples:,} paired bootstrap resamples "
            f"of the problems (seed {comparison.seed}); where there is none, the problems tell of no spread."
        )
        yield ""
    within = f"{a.solved.capitalize()} within the first {count(comparison.first, 'attempt')}"
    yield f"{within}: by both {comparison.both}, by neither {comparison.neither}"
    for what, which in (("gained", comparison.gained), ("lost", comparison.lost)):
        yield f"{what:<6} {len(which):>4}  {' '.join(map(brief, which))}".rstrip()
    if comparison.p is not None:
        yield f"McNemar's exact test, two-sided: p = {comparison.p:.3g}"


def _no_score(run: Run, tried: Sequence[ProblemTally]) -> str | None:
    if (why := blocked(run, tried)) is None and (lost := lost_of(tried)):
        return f"There are only bounds: the infrastructure spoiled {count(lost, 'attempt')} again and again."
    return why


def _solved(tally: ProblemTally, first: int) -> bool:
    return any(a is not None and a.outcome in SUCCESSES for a in tally.attempts[:first])


def _differences(
    pairs: Sequence[tuple[ProblemTally, ProblemTally]], most: int, resamples: int, seed: int
) -> tuple[Difference, ...]:
    compared = (1,) if most == 1 else (1, most)
    rates = np.array(
        [[[pass_at_k(len(t.attempts), t.proved, k) for k in compared] for t in pair] for pair in pairs]
    )
    intervals = bootstrap(rates[:, 1] - rates[:, 0], resamples=resamples, seed=seed)
    means = rates.mean(axis=0)
    differences = []
    for column, (k, interval) in enumerate(zip(compared, intervals, strict=True)):
        in_a, in_b = (float(mean) for mean in means[:, column])
        low, high = interval or (None, None)
        differences.append(Difference(k=k, a=in_a, b=in_b, difference=in_b - in_a, low=low, high=high))
    return tuple(differences)


def _warnings(a: Run, b: Run, pairs: Sequence[tuple[ProblemTally, ProblemTally]]) -> list[str]:
    warnings = []
    if a.method != b.method:
        warnings.append(f"The statements are compared by {a.metric} in A, by {b.metric} in B.")
    if a.dataset.sha256 != b.dataset.sha256:
        warnings.append(
            f"The datasets differ: sha256 {a.dataset.sha256[:16]} in A, {b.dataset.sha256[:16]} in B."
        )
    other = [x.problem.name for x, y in pairs if not _alike(x, y)]
    if other:
        warnings.append(f"Statements of the same name differ: {names(other)}.")
    impossible = [
        x.problem.name
        for x, y in pairs
        if _alike(x, y)
        and ((x.proved and y.count(Outcome.DISPROVED)) or (y.proved and x.count(Outcome.DISPROVED)))
    ]
    if impossible:
        warnings.append(
            f"Proved in one and disproved in the other, which cannot be: {names(impossible)}. Please report this."
        )
    if a.budget != b.budget:
        warnings.append(
            f"The budgets differ: {_unlike(a.budget, b.budget)} in A, {_unlike(b.budget, a.budget)} in B."
        )
    if a.engine != b.engine:
        warnings.append(f"The engines differ: {a.engine} in A, {b.engine} in B.")
    if a.versions != b.versions:
        warnings.append(
            f"The versions differ: {_unlike(a.versions, b.versions)} in A, {_unlike(b.versions, a.versions)} in B."
        )
    if a.epochs != b.epochs:
        warnings.append(
            f"A made {count(a.epochs, 'attempt')} at each problem, B {b.epochs}: what is solved is told by the first "
            f"{count(min(a.epochs, b.epochs), 'attempt')} of each."
        )
    return warnings


def _alike(x: ProblemTally, y: ProblemTally) -> bool:
    """Return whether two problems of one name are equal; a log lacks the text of a problem that was never tried."""
    return x.problem.source == y.problem.source or not (x.problem.source and y.problem.source)


def _unlike(mine: Mapping[str, object], other: Mapping[str, object]) -> str:
    """Return the entries of one mapping that differ from another's."""
    return pairs({key: said for key, said in mine.items() if said != other.get(key)}) or "nothing"
