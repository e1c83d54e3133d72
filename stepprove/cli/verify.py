"""`stepprove verify`: judge a file from outside against an original."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.cli.options.common import (
    AllowAxiom,
    AllowNativeDecide,
    Json,
    WithoutMathlib,
    positive_seconds,
)
from stepprove.cli.options.engine import EngineMemory, EngineOption, choose_engine, engine_json, engine_words
from stepprove.cli.terminal.console import CommandError, out, print_json, shown, shown_lines
from stepprove.cli.terminal.progress import STYLES
from stepprove.lean_project.gate.advisory.advisory import advisory
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import verify as verify_file
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import FileEmpty, FileNotText, FileTooLarge, read_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome

_INDENT = 6
"""Columns of indentation for text of several lines."""
_NOT_TOLD = {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE}


def verify(
    original: Annotated[Path, typer.Argument(metavar="ORIGINAL.lean", help="What is to be proved.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE.lean", help="The file that claims to.")],
    theorem: Annotated[
        list[str] | None,
        typer.Option(
            "--theorem",
            metavar="NAME",
            help="Ask about this declaration of the original only; may be repeated.",
        ),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Check an accepted candidate once more in a Lean process that runs no line of it, on its terms alone.",
        ),
    ] = False,
    json: Json = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each look at a file.")
    ] = 300.0,
    engine: EngineOption = "auto",
    engine_memory: EngineMemory = None,
    without_mathlib: WithoutMathlib = False,
    allow_native_decide: AllowNativeDecide = False,
    allow_axiom: AllowAxiom = None,
) -> int:
    """Decide whether CANDIDATE proves every statement of ORIGINAL, unchanged and under its name.

    The candidate may add lemmas, definitions and notation of its own. It must prove each theorem of the original with the same
    meaning, from Lean's three axioms and the same imports.

    Exit code **0**: accepted. **1**: not accepted, with the reason (also a candidate that is no text). **2**: bad input.
    **3**: no answer (time, memory, no Lean), which is never a verdict.

    Example: `stepprove verify Challenge.lean Solution.lean --audit`
    """
    positive_seconds(time_limit, "--time-limit")
    before = read_source(original)
    lean = choose_engine(before, engine, without_mathlib=without_mathlib, memory_mb=engine_memory)
    if audit and not lean.supports_inspect:
        raise CommandError(
            "--audit needs the embedded Lean; in a Lake project use Lean's own `lake challenge` "
            "(or leanprover/comparator), which checks in a process of its own too.",
            code=3,
        )
    if audit and allow_native_decide:
        raise CommandError(
            "--audit and --allow-native-decide exclude each other: what a program computed cannot be checked from terms.",
            code=2,
        )
    try:
        after = read_source(candidate)
    except (FileEmpty, FileNotText, FileTooLarge) as unusable:  # such a file proves nothing
        judgement = Judgement(outcome=Outcome.REJECTED, reason=str(unusable).rstrip("."))
    else:
        with Repl(lean, timeout=time_limit, memory_limit_mb=lean.memory_limit_mb) as repl:
            judgement = verify_file(
                repl,
                before,
                after,
                policy=Policy(axioms=frozenset(allow_axiom or ()), native_decide=allow_native_decide),
                prelude=prelude_for(lean) if without_mathlib else None,
                targets=theorem or None,
                auditor=lean if audit else None,
                timeout=time_limit,
            )
    if strange := next((v.name for v in judgement.verdicts if v.kind == "undeclared"), None):
        raise CommandError(f"{original} does not declare `{strange}`.", code=2)
    code = 0 if judgement.accepted else 3 if judgement.outcome in _NOT_TOLD else 1
    if json:
        print_json(
            {
                "original": str(original),
                "candidate": str(candidate),
                "engine": engine_json(lean),
                "audited": audit,
                "kernel_advisory": advisory(lean),
                "accepted": judgement.accepted,
                **judgement.model_dump(mode="json", by_alias=True),
                "exit_code": code,
            }
        )
    else:
        out.print(f"{shown(candidate)}: {shown(engine_words(lean))}")
        _print(judgement)
    return code


def _print(judgement: Judgement) -> None:
    for verdict in judgement.verdicts:
        axioms = f"  [dim]axioms: {shown(', '.join(verdict.axioms))}[/]" if verdict.axioms else ""
        reason = f"  {shown_lines(verdict.reason, _INDENT)}" if verdict.reason else ""
        out.print(
            f"  [{STYLES[verdict.outcome]}]{verdict.outcome.value:<9}[/] [bold]{shown(verdict.name)}[/]{reason}{axioms}"
        )
    if judgement.accepted:
        out.print("[green]accepted[/]")
    elif judgement.outcome in _NOT_TOLD:
        out.print(
            f"[yellow]could not tell[/]: {shown_lines(judgement.reason or judgement.outcome.value, _INDENT)}"
        )
    else:
        out.print(f"[red]rejected[/]: {shown_lines(judgement.reason or judgement.outcome.value, _INDENT)}")
