"""A run as a report: one HTML page that needs nothing else, Markdown, or JSON.

Everything that a model, Lean or a benchmark wrote is hostile. In the page it is text that Jinja escapes, or JSON in which no tag
can end, shown by a script that only ever sets text; the page's own policy admits that script and that style by their
hashes, and no request. The attempts' texts are drawn when they are unfolded, so that a page of many opens at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from stepprove.eval.plots import Line, amount, plot, powers_of_two, round_numbers
from stepprove.eval.record import Attempt, Run
from stepprove.eval.scores import Curve, Rate, Rates, Scores, Tally, tallies
from stepprove.eval.setting import beside, setting, title
from stepprove.eval.visible import brief, encodable, shortened, visible
from stepprove.lean_project.outcome import Outcome

PAGE_TEXT = 40_000_000
"""Characters of statements, proofs, errors and traces that a page takes at most, as long as each can be cut short enough."""

_MOST_SHOWN = (50_000, 20_000, 8_000, 3_000, 1_000, 300)
"""Characters of one text: the first of these with which all of them fit."""
_MOST_ERRORS = 50
_LETTERS = {
    Outcome.PROVED: "P",
    Outcome.DISPROVED: "D",
    Outcome.FAILED: "F",
    Outcome.TIMEOUT: "T",
    Outcome.REJECTED: "R",
    Outcome.INFRASTRUCTURE: "I",
}
_LONG = {"problem", "candidate", "errors", "trace"}
"""What the JSON form leaves to the log."""
_TOLD = 12
"""Costs for which a table says what is solved within them."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, its scores, and the log that it was read from, as a user would name it."""

    run: Run
    scores: Scores
    log: str

    @property
    def retry(self) -> str:
        """The command that makes the attempts that are missing or spoiled."""
        return f"stepprove eval retry {visible(self.log)}"

    @property
    def intervals(self) -> str:
        """How the intervals were made."""
        scores = self.scores
        return (
            f"In brackets: {100 * scores.level:.0f} % intervals, percentiles of {scores.resamples:,} bootstrap resamples "
            f"of the problems (seed {scores.seed}). Where there is none, all problems did alike, or there is only one."
        )

    @property
    def rows(self) -> list[tuple[str, Rates]]:
        """The scores with and without the statements that are known to be broken."""
        if self.scores.every is None:
            return []
        every = ("all problems", self.scores.every)
        if self.scores.sound is None:
            return [every]
        broken = self.scores.problems - self.scores.sound.problems
        return [every, (f"without {broken} known to be broken", self.scores.sound)]


def document(report: Report) -> dict[str, Any]:
    """The report as data: the run, its scores, its problems and attempts, without what models and Lean wrote at length."""
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
    told: dict[str, Any] = encodable({"log": report.log, "run": run, "scores": scores, "problems": problems})
    return told


def markdown(report: Report) -> str:
    """The report as Markdown: scores, how they came about, and a line for each problem."""
    scores = report.scores
    lines = [f"# {_md(title(report.run))}", ""]
    if scores.blocked:
        lines += [f"**{scores.blocked}** To make these attempts: `{report.retry.replace('`', '')}`", ""]
    for remark in scores.remarks:
        lines += [f"**{_md(remark)}**", ""]
    lines += _table(["", ""], setting(report.run, report.log))
    for name, rates in report.rows[:1]:
        header = [name, "problems", "solved", *(f"pass@{rate.k}" for rate in rates.pass_at), "disproved"]
        body = [
            [of, each.problems, each.solved, *map(rate_words, each.pass_at), each.disproved]
            for of, each in report.rows
        ]
        lines += ["## Scores", "", *_table(["", *header[1:]], body)]
        lines += [report.intervals, "", _md(beside(report.run, rates.problems)), ""]
    outcomes = [*scores.outcomes.items(), ("never made", scores.missing)]
    lines += ["## Attempts", "", *_table([str(name) for name, _ in outcomes], [[n for _, n in outcomes]])]
    for _, rates in report.rows[:1]:
        for curve in filter(_costs, rates.curves):
            lines += [f"## Solved within so many {curve.cost} of an attempt", ""]
            body = [[amount(at), percent(one), percent(some)] for at, one, some in told(curve)]
            lines += _table([curve.cost, "pass@1", f"pass@{scores.epochs}"], body)
            lines += [_md(beside(report.run, rates.problems)), ""]
    header = ["problem", "proved", *(o for o in Outcome if o is not Outcome.PROVED), "never made"]
    body = []
    for tally in tallies(report.run):
        counts = [tally.count(outcome) or "" for outcome in Outcome if outcome is not Outcome.PROVED]
        proved = f"{tally.proved} of {len(tally.attempts)}"
        why = f" (broken: {tally.problem.broken})" if tally.problem.broken is not None else ""
        body.append([brief(tally.problem.name + why), proved, *counts, tally.missing or ""])
    lines += ["## Problems", "", *_table(header, body)]
    return "\n".join(lines).rstrip() + "\n"


def page(report: Report) -> str:
    """The report as one HTML page."""
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    most = _most_shown(report.run)
    tried = tallies(report.run)
    return _template().render(
        report=report,
        run=report.run,
        scores=report.scores,
        title=title(report.run),
        setting=setting(report.run, report.log),
        beside=beside(report.run, report.scores.problems),
        tried=tried,
        some_broken=any(tally.problem.broken is not None for tally in tried),
        Outcome=Outcome,
        letters=_LETTERS,
        most=most,
        cut=most < _MOST_SHOWN[0],
        plots=_plots(report),
        told=told,
        data=[_data(tally, most) for tally in tried],
        style=Markup(style),
        script=Markup(script),
        policy="default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'",
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("stepprove.eval", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": brief,
        "percent": percent,
        "rate": rate_words,
        "amount": amount,
        "thousands": lambda number: f"{number:,}",
    }
    return environment.get_template("report.html")


def percent(share: float) -> str:
    """A share for people: 92.6 %."""
    return f"{100 * share:.1f} %"


def rate_words(rate: Rate) -> str:
    """A rate with its interval: 92.6 % (85.2–98.1)."""
    if rate.low is None or rate.high is None:
        return percent(rate.value)
    return f"{percent(rate.value)} ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def told(curve: Curve) -> list[tuple[float, float, float]]:
    """A curve in a few lines: (cost, pass@1, solved)."""
    ticks = _ticks(curve)
    return [(at, *curve.at(at)) for at in (ticks if len(ticks) <= _TOLD else ticks[-_TOLD:])]


def _plots(report: Report) -> list[tuple[str, str, Markup, Curve | None]]:
    """Each plot: its title, what it says, the drawing, and the curve behind it."""
    if report.scores.every is None:
        return []
    every, drawn = report.scores.every, list[tuple[str, str, Markup, Curve | None]]()
    if report.scores.epochs > 1:
        looks = ("one", "some")
        lines = [
            Line(
                "all" if rates is every else "not broken",
                look,
                [(rate.k, rate.value) for rate in rates.pass_at],
                [
                    (rate.low, rate.high) if rate.low is not None and rate.high is not None else None
                    for rate in rates.pass_at
                    if rates is every
                ],
            )
            for look, (_, rates) in zip(looks, report.rows, strict=False)
        ]
        ks = [rate.k for rate in every.pass_at]
        drawing = plot(lines, label="pass@k by k", across="attempts k", ticks=ks, steps=False)
        drawn.append(
            (
                "pass@k",
                "Solved by at least one of k attempts; bars are the intervals over all problems.",
                drawing,
                None,
            )
        )
    for curve in filter(_costs, every.curves):
        one = Line("pass@1", "one", list(zip(curve.allowed, curve.pass_1, strict=True)))
        some = Line(
            f"pass@{report.scores.epochs}", "some", list(zip(curve.allowed, curve.solved, strict=True))
        )
        drawing = plot(
            [one] if report.scores.epochs == 1 else [one, some],
            label=f"Share solved by {curve.cost} of an attempt",
            across={"interactions": "answers by Lean", "tokens": "tokens written"}.get(curve.cost, "seconds"),
            ticks=_ticks(curve),
            steps=True,
        )
        says = f"Solved by attempts of at most so many {curve.cost}."
        drawn.append((f"Solved by {curve.cost}", says, drawing, curve))
    return drawn


def _costs(curve: Curve) -> bool:
    """Whether a curve says anything: no proof, or none that cost anything, and it does not."""
    return bool(curve.allowed) and curve.allowed[-1] > 0


def _ticks(curve: Curve) -> list[float]:
    positive = [at for at in curve.allowed if at > 0]
    if curve.cost == "interactions":
        return powers_of_two(positive[-1])
    return round_numbers(positive[0], positive[-1])


def _data(tally: Tally, most: int) -> Markup:
    """What is unfolded of a problem, as JSON that no text can end."""
    problem = tally.problem
    data = {
        "source": _shown(problem.source, most),
        "informal": problem.informal and _shown(problem.informal, most),
        "broken": problem.broken and _shown(problem.broken, most),
        "attempts": [attempt and _attempt(attempt, most) for attempt in tally.attempts],
    }
    return Markup(_TAG.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(data, ensure_ascii=False)))


_TAG = re.compile("[<>&]")


def _attempt(attempt: Attempt, most: int) -> dict[str, Any]:
    errors = [_shown(error, most) for error in attempt.errors[:_MOST_ERRORS]]
    if len(attempt.errors) > _MOST_ERRORS:
        errors.append(f"… {len(attempt.errors) - _MOST_ERRORS} more are in the log")
    return {
        "outcome": attempt.outcome.value,
        "reason": brief(attempt.reason),
        "candidate": attempt.candidate and _shown(attempt.candidate, most),
        "errors": errors,
        "interactions": attempt.interactions,
        "tokens": attempt.tokens,
        "seconds": round(attempt.seconds, 2),
        "trace": attempt.trace and _shown(attempt.trace, most),
    }


def _shown(text: str, most: int) -> str:
    return visible(shortened(text, most))


def _texts(run: Run) -> Iterator[str]:
    for problem in run.problems:
        yield from filter(None, (problem.source, problem.informal, problem.broken))
    for attempt in run.attempts:
        yield from filter(None, (attempt.reason, attempt.candidate, attempt.trace))
        yield from attempt.errors[:_MOST_ERRORS]


def _most_shown(run: Run) -> int:
    lengths = [len(text) for text in _texts(run)]
    for most in _MOST_SHOWN:
        if sum(min(length, most) for length in lengths) <= PAGE_TEXT:
            return most
    return _MOST_SHOWN[-1]


def _asset(name: str) -> str:
    return (files("stepprove.eval") / "pages" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~!])")


def _md(text: str) -> str:
    """Text as Markdown that shows it: no mark in it does anything, and it stays in its line."""
    return _MARKS.sub(r"\\\1", text.replace("&", "&amp;").replace("\n", " "))


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    head, *body = ("| " + " | ".join(_md(str(cell)) for cell in row) + " |" for row in (header, *rows))
    return [head, "|" + " --- |" * len(header), *body, ""]
