"""Shared output of the experiments: means with intervals, Markdown tables, plots as small SVG files."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

import torch

DOCS = Path(__file__).resolve().parents[2] / "docs" / "results" / "methods"

_T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26, 16: 2.13, 20: 2.09}
"""Student's t, 97.5 %, by the number of values."""
_COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8e6bbf", "#e08e1b", "#555555", "#00a0a0", "#b05f3c")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 400, 70, 170, 36, 52


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and half its 95 % interval by Student's t (0 for a single value)."""
    if len(values) < 2:
        return values[0], 0.0
    t = _T[max(count for count in _T if count <= len(values))]
    return statistics.fmean(values), t * statistics.stdev(values) / math.sqrt(len(values))


def shown(values: Sequence[float], digits: int = 1, scale: float = 1.0) -> str:
    """The mean ± half of its 95 % interval."""
    mean, half = interval([scale * value for value in values])
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def print_versions() -> None:
    """Date and versions, which stand beside every figure."""
    print(f"{datetime.now():%Y-%m-%d}, torch {torch.__version__}, {platform.machine()}, one thread\n")


Points = Sequence[tuple[float, float, float]]
"""(x, y, half of y's interval)."""


def plot(
    name: str,
    title: str,
    axes: tuple[str, str],
    series: Mapping[str, Points],
    *,
    log: str = "",
    ticks: Mapping[float, str] | None = None,
    dashed: Sequence[str] = (),
    joined: bool = True,
) -> None:
    """Lines with intervals as `docs/results/methods/NAME.svg`, or points alone where they are not `joined`.

    `log` names the logarithmic axes, `ticks` the values on the x axis (in lines), `dashed` the series without points.
    """

    def bent(value: float, axis: str) -> float:
        return math.log10(value) if axis in log else value

    points = [point for line in series.values() for point in line]
    xs = [bent(x, "x") for x, _, _ in points]
    ys = [bent(y + half, "y") for _, y, half in points]
    ys += [bent(y - half if y - half > 0 or "y" not in log else y, "y") for _, y, half in points]
    left, right = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    margin = 0.05 * (max(ys) - min(ys) or 1)
    low, high = min(ys) - margin, max(ys) + margin
    if ticks is not None:
        left, right = left - 0.3, right + 0.3
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            round(_LEFT + wide * (bent(x, "x") - left) / (right - left), 1),
            round(_TOP + tall * (high - bent(y, "y")) / (high - low), 1),
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{tall}" fill="none" stroke="#999"/>',
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(axes[0])}</text>',
        f'<text transform="translate(16 {_TOP + tall / 2}) rotate(-90)" text-anchor="middle">{escape(axes[1])}</text>',
    ]
    x_ticks = ticks if ticks is not None else {v: f"{v:g}" for v in _ticks(left, right, "x" in log)}
    for value, word in x_ticks.items():
        x, _ = at(value, points[0][1])
        words = "".join(
            f'<tspan x="{x}" dy="{13 if line else 0}">{escape(part)}</tspan>'
            for line, part in enumerate(word.split("\n"))
        )
        out.append(
            f'<text y="{_TOP + tall + 18}" text-anchor="middle">{words}</text>'
            f'<path d="M{x} {_TOP + tall}v4" stroke="#999"/>'
        )
    for value in _ticks(low, high, "y" in log):
        _, y = at(points[0][0], value)
        out.append(
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
            f'<path d="M{_LEFT} {y}h{wide}" stroke="#e5e5e5"/>'
        )
    for place, (word, line) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        dash = ' stroke-dasharray="5 4"' if word in dashed else ""
        spots = [at(x, y) for x, y, _ in line]
        path = "M" + "L".join(f"{x} {y}" for x, y in spots)
        if joined or word in dashed:
            out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        for (x, y, half), (across, down) in zip(line, spots, strict=True):
            if half and (y - half > 0 or "y" not in log):
                top, bottom = at(x, y + half)[1], at(x, y - half)[1]
                out.append(f'<path d="M{across} {top}V{bottom}" stroke="{colour}"/>')
            if (len(line) <= 20 or not joined) and word not in dashed:
                out.append(f'<circle cx="{across}" cy="{down}" r="3" fill="{colour}"/>')
        x, y = _WIDTH - _RIGHT + 12, _TOP + 14 + 20 * place
        out.append(
            f'<path d="M{x} {y - 4}h18" stroke="{colour}" stroke-width="2"{dash}/>'
            f'<text x="{x + 24}" y="{y}">{escape(word)}</text>'
        )
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / f"{name}.svg").write_text("\n".join([*out, "</svg>", ""]))


def _ticks(low: float, high: float, log: bool) -> list[float]:
    """Round values within the axis, whose ends are exponents where it is logarithmic."""
    if log:
        whole = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        if len(whole) > 2:
            return whole
        fine = [m * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5)]
        return [value for value in fine if low <= math.log10(value) <= high]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 7)
    return [round(n * step, 10) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
