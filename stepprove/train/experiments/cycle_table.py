"""The figures of a cycle as a table: rates with intervals over theorems, and what each part added, theorem by theorem."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from stepprove.outcome import Outcome
from stepprove.train.experiments.cycle import STAGES, Measured

Rates = dict[int, float]
"""The share of the attempts at a theorem that proved it, by its place. What the infrastructure spoiled is in none; a time-out is
no proof, and told apart in the table."""


def rates(one: Measured, test: str) -> Rates:
    """A model's, on a test."""
    tried: dict[int, list[bool]] = {}
    for attempt in one.attempts.get(test, ()):
        if attempt.outcome is not Outcome.INFRASTRUCTURE:
            tried.setdefault(attempt.theorem, []).append(attempt.outcome is Outcome.PROVED)
    return {place: sum(each) / len(each) for place, each in tried.items()}


def mean_rates(many: Sequence[Rates]) -> Rates:
    """Of each theorem that all tried, the mean over seeds."""
    common = set.intersection(*map(set, many)) if many else set()
    return {place: sum(each[place] for each in many) / len(many) for place in sorted(common)}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """(mean, half a 95 % interval of it) by the normal approximation; (NaN, NaN) for nothing, NaN for the half of one value."""
    if not values:
        return float("nan"), float("nan")
    spread = float(numpy.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return float(numpy.mean(values)), 1.96 * spread / len(values) ** 0.5


def gain(before: Sequence[Rates], after: Sequence[Rates]) -> tuple[float, float]:
    """(mean, half a 95 % interval) of what was added to pass@1: differences theorem by theorem, seeds averaged."""
    old, new = mean_rates(before), mean_rates(after)
    return interval([new[place] - old[place] for place in new if place in old])


def table(measured: Sequence[Measured], test: str) -> str:
    """A test as a Markdown table in %, one row a stage, seeds averaged."""
    lines = [
        "| stage | pass@1 | pass@k | added to pass@1 | pass@1 by seed | an attempt | spent in reinforcement | "
        "timeouts | not known |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    before: list[Rates] = []
    for stage in STAGES:
        found = [each for each in measured if each.stage == stage and each.attempts.get(test)]
        if found:
            now = [rates(each, test) for each in found]
            lines.append(_row(stage, found, test, now, before))
            before = now
    return "\n".join(lines)


def _row(
    stage: str, found: Sequence[Measured], test: str, now: Sequence[Rates], before: Sequence[Rates]
) -> str:
    ones = mean_rates(now)
    any_ = mean_rates([{place: float(rate > 0) for place, rate in each.items()} for each in now])
    everything = [attempt for each in found for attempt in each.attempts[test]]
    known = [attempt for attempt in everything if attempt.outcome is not Outcome.INFRASTRUCTURE]
    k = 1 + max(attempt.sample for attempt in everything)
    added = _percents(*gain(before, now)) if before else "–"
    seeds = ", ".join(f"{100 * float(numpy.mean(list(each.values()))):.1f}" for each in now if each)
    tokens = numpy.mean([attempt.tokens for attempt in known]) if known else float("nan")
    checks = numpy.mean([attempt.sketches for attempt in known]) if known else float("nan")
    spent_tokens = numpy.mean([each.tokens for each in found])
    spent_checks = numpy.mean([each.checks for each in found])
    spent = f"{spent_tokens:,.0f} tokens, {spent_checks:,.0f} checks" if spent_tokens else "–"
    unknown = len(everything) - len(known)
    late = sum(attempt.outcome is Outcome.TIMEOUT for attempt in known)
    attempt = f"{tokens:.0f} tokens, {checks:.1f} checks"
    one, some = (_percents(*interval(list(each.values()))) for each in (ones, any_))
    return f"| {stage} | {one} | {some} (k = {k}) | {added} | {seeds} | {attempt} | {spent} | {late} | {unknown} |"


def _percents(mean: float, half: float) -> str:
    return f"{100 * mean:.1f} ± {100 * half:.1f}"
