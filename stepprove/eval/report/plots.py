"""Plots of rates as plain SVG: colours from the page's style, no external resources, readable in print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 132, 14, 44
_LABEL_GAP = 15.0
_TOPS = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot. `points` are (x, rate) by ascending x; `band` has (low, high) at each of them."""

    name: str
    look: str
    """A class of the page's style."""
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float] | None] = ()


def plot(lines: Sequence[Series], *, label: str, across: str, ticks: Sequence[float], steps: bool) -> Markup:
    """Draw rates over a cost.

    Args:
        lines: the series; empty ones are left out.
        label: the plot's description for screen readers.
        across: the label of the logarithmic horizontal axis.
        ticks: its marks; its ends are the least and the greatest mark or point.
        steps: a point holds until the next one; else points are joined.
    """
    drawn = [line for line in lines if line.points]
    x = _horizontal([*ticks, *(at for line in drawn for at, _ in line.points)])
    y, top = _vertical([rate for line in drawn for _, rate in line.points] + _highs(drawn))
    parts = [_grid(x, y, ticks, top, across)]
    for line in drawn:
        parts.append(_band(line, x, y))
        parts.append(_path(line, x, y, steps))
    parts += _labels(drawn, y)
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


def powers_of_two(greatest: float) -> list[float]:
    """Return 1, 2, 4 … up to the first that is not below `greatest`."""
    marks = [1.0]
    while marks[-1] < greatest:
        marks.append(marks[-1] * 2)
    return marks


def round_numbers(least: float, greatest: float) -> list[float]:
    """Return 1, 2, 5, 10, 20 … around the interval, both ends above 0; every third of them for a long interval."""
    marks: list[float] = []
    exponent = floor(log10(least))
    while not marks or marks[-1] < greatest:
        marks += [step * 10.0**exponent for step in (1, 2, 5)]
        exponent += 1
    first = max(i for i, mark in enumerate(marks) if mark <= least * (1 + 1e-9) or i == 0)
    last = next(i for i, mark in enumerate(marks) if mark >= greatest * (1 - 1e-9))
    kept = marks[first : last + 1]
    if len(kept) <= 9:
        return kept
    return [mark for i, mark in enumerate(kept) if i % 3 == (len(kept) - 1) % 3]


def amount(value: float) -> str:
    """Return a cost in few characters: 0.05, 2, 1.5 k, 20 k, 3 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _horizontal(values: Sequence[float]) -> Callable[[float], float]:
    positive = [value for value in values if value > 0] or [1.0]
    least, greatest = log10(min(positive)), log10(max(positive))
    span = greatest - least or 1.0

    def place(value: float) -> float:
        at = (log10(value) - least) / span if value > 0 else 0.0
        return round(_LEFT + at * (WIDTH - _LEFT - _RIGHT), 1)

    return place


def _vertical(rates: Sequence[float]) -> tuple[Callable[[float], float], float]:
    greatest = max(rates, default=0.0)
    top = next((top for top in _TOPS if greatest <= top), 1.0)
    return (lambda rate: round(HEIGHT - _BOTTOM - rate / top * (HEIGHT - _TOP - _BOTTOM), 1)), top


def _highs(lines: Sequence[Series]) -> list[float]:
    return [interval[1] for line in lines for interval in line.band if interval]


def _grid(
    x: Callable[[float], float], y: Callable[[float], float], ticks: Sequence[float], top: float, across: str
) -> Markup:
    parts = []
    for fifth in range(6):
        rate = top * fifth / 5
        parts.append(
            Markup('<path class="grid" d="M{} {}H{}"/><text x="{}" y="{}" class="end">{} %</text>').format(
                _LEFT, y(rate), WIDTH - _RIGHT, _LEFT - 8, y(rate) + 4, f"{100 * rate:.3g}"
            )
        )
    base = HEIGHT - _BOTTOM
    for tick in ticks:
        parts.append(
            Markup('<path class="grid" d="M{} {}v5"/><text x="{}" y="{}" class="mid">{}</text>').format(
                x(tick), base, x(tick), base + 19, amount(tick)
            )
        )
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(Markup('<text x="{}" y="{}" class="mid axis">{}</text>').format(middle, HEIGHT - 6, across))
    return Markup("").join(parts)


def _path(line: Series, x: Callable[[float], float], y: Callable[[float], float], steps: bool) -> Markup:
    if not steps:
        d = "M" + "L".join(f"{x(at)} {y(rate)}" for at, rate in line.points)
        dots = [
            Markup('<circle class="{}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>').format(
                line.look, x(at), y(rate), f"{line.name}, {amount(at)}: {100 * rate:.1f} %"
            )
            for at, rate in line.points
        ]
        return Markup('<path class="line {}" d="{}"/>{}').format(line.look, d, Markup("").join(dots))
    places = {x(at): y(rate) for at, rate in line.points}  # points on one spot are drawn once, at the end
    d = f"M{x(line.points[0][0])} {y(0)}" + "".join(f"H{across}V{up}" for across, up in places.items())
    return Markup('<path class="line {}" d="{}H{}"/>').format(line.look, d, WIDTH - _RIGHT)


def _band(line: Series, x: Callable[[float], float], y: Callable[[float], float]) -> Markup:
    bars = [
        Markup('<path class="bar {}" d="M{} {}V{}"/>').format(
            line.look, x(at), y(interval[0]), y(interval[1])
        )
        for (at, _), interval in zip(line.points, line.band, strict=False)
        if interval
    ]
    return Markup("").join(bars)


def _labels(lines: Sequence[Series], y: Callable[[float], float]) -> list[Markup]:
    """Place the series' names beside their ends, moved apart where they would touch."""
    placed: list[Markup] = []
    lowest = -_LABEL_GAP
    for line in sorted(lines, key=lambda line: y(line.points[-1][1])):
        lowest = max(y(line.points[-1][1]), lowest + _LABEL_GAP)
        placed.append(
            Markup('<text class="name {}" x="{}" y="{}">{} <tspan class="value">{} %</tspan></text>').format(
                line.look,
                WIDTH - _RIGHT + 8,
                lowest + 4,
                escape(line.name),
                f"{100 * line.points[-1][1]:.1f}",
            )
        )
    return placed
