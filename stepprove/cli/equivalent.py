"""`stepprove equivalent`: compare two statements by BEq, BEqL or BEq+."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from anyio.from_thread import start_blocking_portal

from stepprove.cli.options.common import Json, WithoutMathlib, positive_seconds
from stepprove.cli.options.engine import EngineOption, choose_engine, engine_json, engine_words
from stepprove.cli.terminal.console import err, out, print_json, shown, shown_lines
from stepprove.formalizer.equivalence.equivalence import (
    Direction,
    Equivalence,
    EquivalenceVerdict,
    equivalent,
)
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.equivalence.restricted import Ask, Level, proposals
from stepprove.formalizer.statement import statement_of
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import read_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.serving.client.endpoint import serving
from stepprove.serving.client.exchange import Sampling, Turn
from stepprove.serving.client.model_backends import FORMS, parse_model

_CODES = {EquivalenceVerdict.EQUIVALENT: 0, EquivalenceVerdict.NOT_SHOWN: 1, EquivalenceVerdict.UNKNOWN: 3}
_STYLES = {
    EquivalenceVerdict.EQUIVALENT: "green",
    EquivalenceVerdict.NOT_SHOWN: "red",
    EquivalenceVerdict.UNKNOWN: "yellow",
}
_WORDS = {
    EquivalenceVerdict.EQUIVALENT: "equivalent",
    EquivalenceVerdict.NOT_SHOWN: "not shown equivalent",
    EquivalenceVerdict.UNKNOWN: "could not tell",
}


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
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="FORM",
            help=f"A model to ask for proofs that the method does not find: {FORMS}.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        Level, typer.Option("--level", help="Which tactics the model may use, as in BEq.")
    ] = "normal",
    tries: Annotated[
        int, typer.Option("--tries", metavar="N", min=1, help="Proofs of the model, each way.")
    ] = 16,
    json: Json = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each text that Lean is sent.")
    ] = 60.0,
    engine: EngineOption = "auto",
    without_mathlib: WithoutMathlib = False,
) -> int:
    """Decide whether two statements are equivalent: each must be provable from the other by a few tactics.

    It compares the last theorem of each file, without its proof. A proof counts if Lean's kernel accepts it, it uses the other
    statement, and both statements keep the meaning that they have in their own files.

    Exit code **0**: equivalent. **1**: not shown equivalent, which does not mean that they differ. **2**: bad input. **3**: no
    answer (time, memory, no Lean).

    Example: `stepprove equivalent Mine.lean Theirs.lean --method beq`
    """
    positive_seconds(time_limit, "--time-limit")
    first, second = (statement_of(read_source(path)) for path in (a, b))
    lean = choose_engine(first.source, engine, without_mathlib=without_mathlib)
    choose_engine(second.source, engine, without_mathlib=without_mathlib)
    if model is not None:
        parse_model(model)
    with Repl(lean, timeout=time_limit, memory_limit_mb=lean.memory_limit_mb) as repl:
        header = prelude_for(lean) if without_mathlib else None
        with _asking(model, tries) as ask:
            result = equivalent(
                repl,
                first,
                second,
                header=header,
                method=method,
                propose=proposals(ask, level) if ask else None,
                label=f"{method}, then {model} ({level})" if ask else None,
                timeout=time_limit,
            )
    code = _CODES[result.verdict]
    if json:
        document = {"a": str(a), "b": str(b), "engine": engine_json(lean)}
        print_json({**document, **result.model_dump(mode="json"), "exit_code": code})
    else:
        out.print(f"A = {shown(a)}, B = {shown(b)}: {shown(result.method)}, {shown(engine_words(lean))}")
        _print(result)
    return code


@contextmanager
def _asking(model: str | None, tries: int) -> Iterator[Ask | None]:
    """Give plain code a function that queries the model, and run the model's server meanwhile if it needs one."""
    if model is None:
        yield None
        return
    form = model
    with start_blocking_portal() as portal, ExitStack() as stack:
        endpoint = stack.enter_context(
            portal.wrap_async_context_manager(serving(form, lambda line: err.print(shown(line))))
        )
        client = stack.enter_context(portal.wrap_async_context_manager(endpoint.client()))

        def ask(turns: Sequence[Turn]) -> list[str]:
            sampling = Sampling(temperature=0.7, top_p=0.95, max_tokens=4096, n=tries)
            return [sample.text for sample in portal.call(client.chat, turns, sampling).samples]

        yield ask


def _print(result: Equivalence) -> None:
    for direction in result.directions:
        _print_direction(direction)
    style = _STYLES[result.verdict]
    reason = f": {shown_lines(result.reason, 6)}" if result.reason else ""
    out.print(f"[{style}]{_WORDS[result.verdict]}[/]{reason}")
    for sentence in result.stand_ins:
        out.print(f"  {shown(sentence)}", style="dim")


def _print_direction(direction: Direction) -> None:
    how = f"  {direction.step}" if direction.step else ""
    out.print(
        f"  [{_STYLES[direction.verdict]}]{direction.premise} gives {direction.target}: "
        f"{'yes' if direction.proof else _WORDS[direction.verdict].replace(' equivalent', '')}[/]"
        f"{shown(how)}  [dim]{direction.seconds:.1f} s[/]"
    )
    if direction.proof:
        out.print(f"      {shown_lines(direction.proof, 6)}", style="dim")
