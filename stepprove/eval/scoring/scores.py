"""The scores of a run: pass@k with intervals, problems solved within a cost, and infrastructure failures apart.

A proof that the gate accepts is a success. A time-out, a rejection and a failure are attempts without success; so is a proof of
the negation, which is shown apart because it means that the statement is broken. For a formalizer a statement proved equivalent
is a success, and the same estimator gives BEq@k. An attempt that is missing or failed by infrastructure is neither, and while
there is one, the run has no score. An attempt with three infrastructure failures counts as lost; then two bounds replace the
score, with the lost attempts as failures and as successes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stepprove.eval.records.record import SUCCESSES, Run
from stepprove.eval.scoring.estimators import LEVEL, RESAMPLES, bootstrap, ks, pass_at_k
from stepprove.eval.scoring.rates import Bounds, Curve, Rate, Rates, Scores
from stepprove.eval.scoring.remarks import left_out_words, lost_words, remarks_on
from stepprove.eval.scoring.tallies import COSTS, Cost, ProblemTally, blocked, lost_of, tallies
from stepprove.outcome import Outcome


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
        remarks=(*left_out_words(run.left_out), *lost_words(tried), *remarks_on(tried)),
        resamples=resamples,
        level=LEVEL,
        seed=seed,
    )


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
