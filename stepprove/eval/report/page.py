"""A report as one HTML page without external resources.

Text by a model, Lean or a benchmark is hostile. The page has it as text that Jinja escapes, or as JSON that cannot close a tag,
shown by a script that only ever sets text; the content security policy admits that script and that style by their hashes, and no
request. The script draws an attempt's texts only once it is unfolded, so that a large page opens at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from stepprove.eval.records.record import SUCCESSES, Attempt, Ending, FormalizationOutcome, Run
from stepprove.eval.report.header import caption, run_facts, title
from stepprove.eval.report.plots import Series, amount, plot
from stepprove.eval.report.report import Report, cost_rows, informative_curves, percent, rate_words, ticks
from stepprove.eval.scoring.rates import Curve
from stepprove.eval.scoring.tallies import ProblemTally, tallies
from stepprove.outcome import Outcome
from stepprove.visible import brief, shortened, visible

PAGE_TEXT = 40_000_000
"""Characters of statements, proofs, errors and traces in a page, as long as each can be cut short enough."""

_MOST_SHOWN = (50_000, 20_000, 8_000, 3_000, 1_000, 300)
"""Limits for one text in characters; the page uses the first with which all texts fit."""
_MOST_ERRORS = 50
_LETTERS: dict[Ending, str] = {
    Outcome.PROVED: "P",
    Outcome.DISPROVED: "D",
    Outcome.FAILED: "F",
    Outcome.TIMEOUT: "T",
    Outcome.REJECTED: "R",
    Outcome.INFRASTRUCTURE: "I",
    FormalizationOutcome.EQUIVALENT: "E",
    FormalizationOutcome.NOT_EQUIVALENT: "N",
    FormalizationOutcome.ILL_TYPED: "X",
}


def page(report: Report) -> str:
    """Return the report as one HTML page."""
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    most = _most_shown(report.run)
    tried = tallies(report.run)
    return _template().render(
        report=report,
        run=report.run,
        scores=report.scores,
        title=title(report.run),
        setting=run_facts(report.run, report.log),
        beside=caption(report.run, report.scores.problems),
        tried=tried,
        some_broken=any(tally.problem.broken is not None for tally in tried),
        Outcome=Outcome,
        letters=_LETTERS,
        most=most,
        cut=most < _MOST_SHOWN[0],
        plots=_plots(report),
        cost_rows=cost_rows,
        data=[_data(tally, most) for tally in tried],
        style=Markup(style),
        script=Markup(script),
        policy="default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'",
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("stepprove.eval.report", "pages"),
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


def _plots(report: Report) -> list[tuple[str, str, Markup, Curve | None]]:
    """Return each plot: its title, its message, its drawing, and its curve."""
    if report.scores.every is None:
        return []
    solved = report.run.solved.capitalize()
    every, drawn = report.scores.every, list[tuple[str, str, Markup, Curve | None]]()
    if report.scores.epochs > 1:
        looks = ("one", "some")
        lines = [
            Series(
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
        metric = report.run.metric
        drawing = plot(lines, label=f"{metric}@k by k", across="attempts k", ticks=ks, steps=False)
        drawn.append(
            (
                f"{metric}@k",
                f"{solved} by at least one of k attempts; bars are the intervals over all problems.",
                drawing,
                None,
            )
        )
    for curve in informative_curves(every):
        one = Series(f"{report.run.metric}@1", "one", list(zip(curve.allowed, curve.pass_1, strict=True)))
        some = Series(
            f"{report.run.metric}@{report.scores.epochs}",
            "some",
            list(zip(curve.allowed, curve.solved, strict=True)),
        )
        drawing = plot(
            [one] if report.scores.epochs == 1 else [one, some],
            label=f"Share {solved.lower()} by {curve.cost} of an attempt",
            across={"interactions": "answers by Lean", "tokens": "tokens written"}.get(curve.cost, "seconds"),
            ticks=ticks(curve),
            steps=True,
        )
        says = f"{solved} by attempts of at most so many {curve.cost}."
        drawn.append((f"{solved} by {curve.cost}", says, drawing, curve))
    return drawn


def _data(tally: ProblemTally, most: int) -> Markup:
    """Return a problem's foldable details as JSON that no text can end."""
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
        "success": attempt.outcome in SUCCESSES,
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
    return (files("stepprove.eval.report") / "pages" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
