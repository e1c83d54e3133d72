"""The result of `stepprove prove` for people, for machines and for the trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stepprove import __version__
from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.trace.trace import Trace
from stepprove.cli.options.engine import engine_json, engine_words
from stepprove.cli.prove.output import ProveOutput
from stepprove.cli.terminal.console import out, shown, shown_lines
from stepprove.cli.terminal.progress import STYLES
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.source.file import SourceFile
from stepprove.outcome import Outcome

_INDENT = 6
"""Columns of indentation for text of several lines."""


@dataclass(frozen=True, slots=True)
class ProveCall:
    """What a command was asked to do."""

    file: Path
    source: SourceFile
    engine: Engine
    options: ProveOptions
    plan: ModelPlan | None

    @property
    def policy(self) -> dict[str, Any]:
        """The policy and its model."""
        return {
            "policy": "portfolio" if self.plan is None else self.plan.policy,
            "model": None if self.plan is None else self.plan.name,
        }


def begun(call: ProveCall) -> dict[str, Any]:
    """Return the header of a run's trace."""
    return {
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "file": str(call.file),
        "text": call.source.text,
        "engine": engine_json(call.engine),
        **call.policy,
        "time_limit": call.options.time_limit,
        "seed": call.options.seed,
    }


def totals(report: ProveReport) -> dict[str, Any]:
    """Return the totals of a run."""
    return {
        "seconds": round(report.seconds, 3),
        "usage": report.usage.model_dump(),
        "dollars": round(report.dollars, 6),
    }


def document(
    call: ProveCall, output: ProveOutput, report: ProveReport, trace: Trace, code: int
) -> dict[str, Any]:
    """Return the JSON document of a run."""
    return {
        "file": str(call.file),
        "output": None if output.target is None else str(output.target),
        "changed": output.changed,
        "remarks": output.remarks,
        "engine": engine_json(call.engine),
        "without_mathlib": call.options.prelude is not None,
        "time_limit": call.options.time_limit,
        "seed": call.options.seed,
        "holes": [hole.model_dump(mode="json") for hole in report.holes],
        "declarations": [verdict.model_dump(mode="json") for verdict in report.verdicts],
        "summary": {outcome.value: report.count(outcome) for outcome in Outcome},
        "complete": report.complete,
        **call.policy,
        **totals(report),
        "trace": None if trace.path is None else str(trace.path),
        "exit_code": code,
    }


def print_report(call: ProveCall, output: ProveOutput, report: ProveReport, trace: Trace) -> None:
    """Print the result of each hole, the sums, and where everything is written."""
    out.print(f"{shown(call.file)}: {counted(len(report.holes), 'hole')}, {shown(engine_words(call.engine))}")
    for result in report.holes:
        out.print(hole_line(result))
        _print_details(result, written=output.target is not None)
    _print_sums(report)
    if call.plan is not None:
        spent = f", ${report.dollars:.4f}" if report.dollars else ""
        out.print(f"{shown(call.plan.name)}: {report.usage.tokens} tokens{spent}")
    if trace.path is not None:
        out.print(f"What happened: stepprove trace show {shown(trace.path.parent)}")
    if not call.source.holes:
        out.print("There is no `sorry` in this file.")
    if output.target is not None:
        written = "Written to" if output.changed else "Nothing to write, for this is what stands in"
        out.print(f"{written} {shown(output.target)}")


def _print_details(result: HoleResult, *, written: bool) -> None:
    """Print a proof that is long or not written, a counterexample, or the goal that stays open."""
    if result.outcome is Outcome.PROVED:
        if result.proof and (not written or "\n" in result.proof):
            out.print(f"      {shown_lines(result.proof, _INDENT)}", style="dim")
    elif result.outcome is Outcome.DISPROVED:
        if result.counterexample:
            out.print(f"      counterexample: {shown(result.counterexample)}")
        out.print(f"      {shown_lines(result.proof or '', _INDENT)}", style="dim")
    elif result.goal:
        out.print(f"      {shown_lines(result.goal, _INDENT)}", style="dim")


def _print_sums(report: ProveReport) -> None:
    proved = report.count(Outcome.PROVED)
    open_still = [v for v in report.verdicts if v.outcome is not Outcome.PROVED]
    rest = ""
    if open_still:
        verb = "rests" if len(open_still) == 1 else "rest"
        rest = f"; {counted(len(open_still), 'declaration')} still {verb} on `sorry`"
    out.print(f"{proved} of {len(report.holes)} proved in {report.seconds:.1f} s{rest}")


def hole_line(result: HoleResult) -> str:
    """Return a hole's result in one line."""
    style = STYLES[result.outcome]
    where = f"line {result.line}"
    name = shown(result.declaration or "")
    words = result.found_by if result.outcome in {Outcome.PROVED, Outcome.DISPROVED} else result.reason
    again = " (found before)" if result.remembered else ""
    return (
        f"  [{style}]{result.outcome.value:<14}[/] {where:<9} [bold]{name}[/]  {shown_lines(words or '', _INDENT)}{again}"
        f"  [dim]{result.seconds:.1f} s[/]"
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 hole`, `2 holes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
