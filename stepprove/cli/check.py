"""`stepprove check`: check files with Lean and the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stepprove.cli.options.common import (
    AllowAxiom,
    AllowNativeDecide,
    Json,
    WithoutMathlib,
    positive_seconds,
)
from stepprove.cli.options.engine import EngineMemory, EngineOption, choose_engine, engine_json, engine_words
from stepprove.cli.terminal.console import out, print_json, shown, shown_lines
from stepprove.cli.terminal.progress import STYLES
from stepprove.lean_project.gate.check import CheckReport, check_source
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import read_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome

_INDENT = 6
"""Columns of indentation for text of several lines."""


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.lean…", help="The Lean files to check.")],
    json: Json = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each file.")
    ] = 300.0,
    engine: EngineOption = "auto",
    engine_memory: EngineMemory = None,
    without_mathlib: WithoutMathlib = False,
    allow_native_decide: AllowNativeDecide = False,
    allow_axiom: AllowAxiom = None,
) -> int:
    """Report for each declaration whether Lean accepts it, its axioms, and its open goals.

    Exit code 0: no error, no `sorry`, no axiom beyond Lean's three.

    Example: `stepprove check examples/first.lean`
    """
    positive_seconds(time_limit, "--time-limit")
    sources = [read_source(file) for file in files]
    documents: list[dict[str, Any]] = []
    passed = True
    for file, source in zip(files, sources, strict=True):
        lean = choose_engine(source, engine, without_mathlib=without_mathlib, memory_mb=engine_memory)
        with Repl(lean, timeout=time_limit) as repl:
            report = check_source(
                repl,
                source,
                prelude=prelude_for(lean) if without_mathlib else None,
                policy=Policy(axioms=frozenset(allow_axiom or ()), native_decide=allow_native_decide),
            )
        passed = passed and report.passed
        documents.append(
            {
                "file": str(file),
                "engine": engine_json(lean),
                "passed": report.passed,
                **report.model_dump(mode="json"),
            }
        )
        if not json:
            out.print(f"{shown(file)}: {shown(engine_words(lean))}")
            _print(report)
    unknown = any(d["outcome"] == Outcome.INFRASTRUCTURE for doc in documents for d in doc["declarations"])
    code = 0 if passed else 3 if unknown else 1
    if json:
        print_json({"files": documents, "exit_code": code})
    return code


def _print(report: CheckReport) -> None:
    for declaration in report.declarations:
        outcome = declaration.outcome
        style, word = ("cyan", "accepted") if outcome is None else (STYLES[outcome], outcome.value)
        axioms = f"  [dim]axioms: {shown(', '.join(declaration.axioms))}[/]" if declaration.axioms else ""
        out.print(
            f"  [{style}]{word:<9}[/] line {declaration.line:<5} [bold]{shown(declaration.name)}[/]"
            f"  {shown_lines(declaration.reason or '', _INDENT)}{axioms}"
        )
        for goal in declaration.goals:
            out.print(f"      {shown_lines(goal, _INDENT)}", style="dim")
    for problem in report.problems:
        if problem.severity == "error":
            out.print(
                f"  [red]error[/] {problem.line}:{problem.column}  {shown_lines(problem.text, _INDENT)}"
            )
    if report.refused is not None:
        out.print(f"  [red]refused[/]   {shown(report.refused)}")
    proved = sum(d.outcome is Outcome.PROVED for d in report.declarations)
    theorems = sum(d.outcome is not None for d in report.declarations)
    out.print(f"{proved} of {theorems} theorems proved")
