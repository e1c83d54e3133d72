"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepprove.eval.report.header import caption, run_facts, title
from stepprove.eval.report.plots import amount
from stepprove.eval.report.report import Report, cost_rows, informative_curves, percent, rate_words
from stepprove.eval.scoring.tallies import tallies
from stepprove.visible import brief


def markdown(report: Report) -> str:
    """Return the report as Markdown: scores, the run's setting, and a line for each problem."""
    run, scores = report.run, report.scores
    stands = [_shown(caption(run, scores.problems)), ""]
    lines = [f"# {_shown(title(run))}", ""]
    if scores.blocked:
        lines += [f"**{scores.blocked}** To make these attempts: `{report.retry.replace('`', '')}`", ""]
    for remark in scores.remarks:
        lines += [f"**{_shown(remark)}**", ""]
    lines += _table(["", ""], run_facts(run, report.log))
    if report.rows:
        lines += ["## Scores", "", *_scores(report), report.intervals, "", *stands]
    outcomes = [*scores.outcomes.items(), ("never made", scores.missing)]
    lines += ["## Attempts", "", *_table([name for name, _ in outcomes], [[n for _, n in outcomes]]), *stands]
    if scores.every is not None:
        for curve in informative_curves(scores.every):
            lines += [f"## {run.solved.capitalize()} within so many {curve.cost} of an attempt", ""]
            header = [curve.cost, f"{run.metric}@1", f"{run.metric}@{scores.epochs}"]
            body = [[amount(at), percent(one), percent(some)] for at, one, some in cost_rows(curve)]
            shown = 2 if scores.epochs == 1 else 3
            lines += [*_table(header[:shown], [row[:shown] for row in body]), *stands]
    lines += ["## Problems", "", *_problems(report), *stands]
    return "\n".join(lines).rstrip() + "\n"


def _scores(report: Report) -> list[str]:
    _, first = report.rows[0]
    run = report.run
    proving = run.method is None
    header = ["", "problems", run.solved, *(f"{run.metric}@{rate.k}" for rate in first.pass_at)]
    body = [
        [name, rates.problems, rates.solved, *map(rate_words, rates.pass_at)] for name, rates in report.rows
    ]
    header.append("disproved" if proving else "typecheck@1")
    for row, (_, rates) in zip(body, report.rows, strict=True):
        row.append(rates.disproved if rates.typechecked is None else rate_words(rates.typechecked))
    return _table(header, body)


def _problems(report: Report) -> list[str]:
    success, *others = report.run.endings
    body = []
    for tally in tallies(report.run):
        why = f" (broken: {tally.problem.broken})" if tally.problem.broken is not None else ""
        counts = [tally.count(outcome) or "" for outcome in others]
        proved = f"{tally.proved} of {len(tally.attempts)}"
        body.append([brief(tally.problem.name + why), proved, *counts, tally.missing or ""])
    return _table(["problem", success, *others, "never made"], body)


_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~!])")


def _shown(text: str) -> str:
    """Escape text for Markdown, on one line."""
    return _MARKS.sub(r"\\\1", text.replace("&", "&amp;").replace("\n", " "))


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    head, *body = ("| " + " | ".join(_shown(str(cell)) for cell in row) + " |" for row in (header, *rows))
    return [head, "|" + " --- |" * len(header), *body, ""]
