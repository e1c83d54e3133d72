"""Estimators: pass@k without bias, bootstrap intervals and McNemar's test."""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000

LEVEL = 0.95
"""The level of the confidence intervals."""

_CHUNK = 2_000_000
"""Numbers in memory at once in the bootstrap."""


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


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p of McNemar's test: the chance that a fair coin falls at least as unevenly.

    2 · P(X <= min(gained, lost)) for X ~ Binomial(gained + lost, 1/2), at most 1, in whole numbers until the end.

    Args:
        gained: problems that only B solves.
        lost: problems that only A solves.

    Source: McNemar 1947.
    """
    thrown = gained + lost
    fewer = sum(comb(thrown, i) for i in range(min(gained, lost) + 1))
    return min(1.0, 2 * fewer / (1 << thrown))
