"""The figures of a cycle as a table: rates with intervals over theorems, and each stage's gain, paired by theorem."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from stepprove.outcome import Outcome
from stepprove.train.experiments.cycle import STAGES, Measured

Rates = dict[int, float]
"""Share of successful attempts by theorem. Infrastructure failures do not count; time-outs count as unproved and have a column
of their own."""


def rates(one: Measured, test: str) -> Rates:
    """Return a model's rates on a test."""
    tried: dict[int, list[bool]] = {}
    for attempt in one.attempts.get(test, ()):
        if attempt.outcome is not Outcome.INFRASTRUCTURE:
            tried.setdefault(attempt.theorem, []).append(attempt.outcome is Outcome.PROVED)
    return {place: sum(proved) / len(proved) for place, proved in tried.items()}


def mean_rates(many: Sequence[Rates]) -> Rates:
    """Return the mean over seeds, for the theorems that all seeds tried."""
    common = set.intersection(*map(set, many)) if many else set()
    return {place: sum(one[place] for one in many) / len(many) for place in sorted(common)}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and half its 95 % interval (normal approximation); NaN for missing values."""
    if not values:
        return float("nan"), float("nan")
    spread = float(numpy.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return float(numpy.mean(values)), 1.96 * spread / len(values) ** 0.5


def gain(before: Sequence[Rates], after: Sequence[Rates]) -> tuple[float, float]:
    """Return the gain in pass@1 and half its 95 % interval: differences by theorem, averaged over seeds."""
    old, new = mean_rates(before), mean_rates(after)
    return interval([new[place] - old[place] for place in new if place in old])


def table(measured: Sequence[Measured], test: str) -> str:
    """Return a test's results as a Markdown table in %, one row for each stage, averaged over seeds."""
    lines = [
        "| stage | pass@1 | pass@k | added to pass@1 | pass@1 by seed | an attempt | spent in reinforcement | "
        "timeouts | not known |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    before: list[Rates] = []
    for stage in STAGES:
        models = [model for model in measured if model.stage == stage and model.attempts.get(test)]
        if models:
            now = [rates(model, test) for model in models]
            lines.append(_row(stage, models, test, now, before))
            before = now
    return "\n".join(lines)


def _row(
    stage: str, models: Sequence[Measured], test: str, now: Sequence[Rates], before: Sequence[Rates]
) -> str:
    ones = mean_rates(now)
    any_ = mean_rates(
        [{place: float(rate > 0) for place, rate in rate_by_place.items()} for rate_by_place in now]
    )
    everything = [attempt for model in models for attempt in model.attempts[test]]
    judged = [attempt for attempt in everything if attempt.outcome is not Outcome.INFRASTRUCTURE]
    k = 1 + max(attempt.sample for attempt in everything)
    added = _percents(*gain(before, now)) if before else "–"
    seeds = ", ".join(f"{100 * float(numpy.mean(list(one.values()))):.1f}" for one in now if one)
    tokens = numpy.mean([attempt.tokens for attempt in judged]) if judged else float("nan")
    checks = numpy.mean([attempt.sketches for attempt in judged]) if judged else float("nan")
    spent_tokens = numpy.mean([model.tokens for model in models])
    spent_checks = numpy.mean([model.checks for model in models])
    spent = f"{spent_tokens:,.0f} tokens, {spent_checks:,.0f} checks" if spent_tokens else "–"
    unknown = len(everything) - len(judged)
    late = sum(attempt.outcome is Outcome.TIMEOUT for attempt in judged)
    attempt = f"{tokens:.0f} tokens, {checks:.1f} checks"
    one, some = (_percents(*interval(list(by_seed.values()))) for by_seed in (ones, any_))
    return f"| {stage} | {one} | {some} (k = {k}) | {added} | {seeds} | {attempt} | {spent} | {late} | {unknown} |"


def _percents(mean: float, half: float) -> str:
    return f"{100 * mean:.1f} ± {100 * half:.1f}"
