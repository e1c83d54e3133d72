"""`stepprove equivalent`: whether two statements say the same, as BEq, BEqL or BEq+ can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from stepprove.cli.console import out, print_json
from stepprove.cli.files import choose_engine, engine_json, engine_words, positive_seconds
from stepprove.cli.options import EngineOption, Json, WithoutMathlib
from stepprove.formalizer.equivalence import Direction, Equivalence, Verdict, equivalent
from stepprove.formalizer.methods import Method
from stepprove.formalizer.statement import statement_of
from stepprove.lean_project.prelude import PRELUDE
from stepprove.lean_project.repl import Repl
from stepprove.lean_project.source import read_source

_CODES = {Verdict.EQUIVALENT: 0, Verdict.NOT_SHOWN: 1, Verdict.UNKNOWN: 3}
_STYLES = {Verdict.EQUIVALENT: "green", Verdict.NOT_SHOWN: "red", Verdict.UNKNOWN: "yellow"}
_WORDS = {
    Verdict.EQUIVALENT: "equivalent",
    Verdict.NOT_SHOWN: "not shown equivalent",
    Verdict.UNKNOWN: "could not tell",
}
_MEMORY_LIMIT_MB = 1800.0


def equivalent_command(
    a: Annotated[Path, typer.Argument(metavar="A.lean", help="A file; its last theorem is the statement.")],
    b: Annotated[Path, typer.Argument(metavar="B.lean", help="Another one.")],
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="`exact?` alone (beq), after `intros` and `symm_saturate` (beql), or with further tactics (beq+).",
        ),
    ] = "beq+",
    json: Json = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each text that Lean is sent.")
    ] = 60.0,
    engine: EngineOption = "auto",
    without_mathlib: WithoutMathlib = False,
) -> int:
    """Say whether two statements say the same: whether each can be proved from the other, by few means.

    The last theorem of each file is compared, without its proof. A proof counts when Lean's kernel has checked it, it uses
    the other statement, and both mean what they mean in their own files.

    Exit code **0**: equivalent. **1**: not shown equivalent, which does not say that they differ. **2**: bad input. **3**: it
    could not be told (time, memory, no Lean).

    Example: `stepprove equivalent Mine.lean Theirs.lean --method beq`
    """
    positive_seconds(time_limit, "--time-limit")
    first, second = (statement_of(read_source(path)) for path in (a, b))
    lean = choose_engine(first.source, engine, without_mathlib=without_mathlib)
    choose_engine(second.source, engine, without_mathlib=without_mathlib)
    with Repl(
        lean, timeout=time_limit, memory_limit_mb=_MEMORY_LIMIT_MB if lean.kind == "embedded" else None
    ) as repl:
        found = equivalent(
            repl,
            first,
            second,
            header=PRELUDE if without_mathlib and lean.kind == "embedded" else None,
            method=method,
            timeout=time_limit,
        )
    code = _CODES[found.verdict]
    if json:
        document = {"a": str(a), "b": str(b), "engine": engine_json(lean)}
        print_json({**document, **found.model_dump(mode="json"), "exit_code": code})
    else:
        out.print(
            f"A = {escape(str(a))}, B = {escape(str(b))}: {escape(found.method)}, {escape(engine_words(lean))}"
        )
        _print(found)
    return code


def _print(found: Equivalence) -> None:
    for direction in found.directions:
        _print_direction(direction)
    style = _STYLES[found.verdict]
    reason = f": {escape(found.reason)}" if found.reason else ""
    out.print(f"[{style}]{_WORDS[found.verdict]}[/]{reason}")
    for sentence in found.stand_ins:
        out.print(f"  {escape(sentence)}", style="dim")


def _print_direction(direction: Direction) -> None:
    how = f"  {direction.step}" if direction.step else ""
    out.print(
        f"  [{_STYLES[direction.verdict]}]{direction.premise} gives {direction.target}: "
        f"{'yes' if direction.proof else _WORDS[direction.verdict].replace(' equivalent', '')}[/]"
        f"{escape(how)}  [dim]{direction.seconds:.1f} s[/]"
    )
    for line in (direction.proof or "").splitlines():
        out.print(f"      {escape(line)}", style="dim")
