"""`stepprove prove`: fill the holes of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepprove.agent.file.options import FileRefused, ProveOptions
from stepprove.agent.file.report import ProveReport
from stepprove.agent.stop import Stop
from stepprove.cli.options.common import AllowAxiom, AllowNativeDecide, Json, WithoutMathlib, positive_seconds
from stepprove.cli.options.engine import EngineMemory, EngineOption, choose_engine
from stepprove.cli.options.models import (
    AttemptsOption,
    DollarsOption,
    HoleTokensOption,
    LibraryOption,
    ModelOption,
    ModelSettings,
    NoTraceOption,
    PolicyOption,
    PriceOption,
    RoundsOption,
    StyleOption,
    TokensOption,
    TraceOption,
    tracing,
)
from stepprove.cli.prove.output import beside, write_proved
from stepprove.cli.prove.report import ProveCall, begun, document, print_report, totals
from stepprove.cli.prove.run import run_prover, watching
from stepprove.cli.terminal.console import CommandError, err, print_json, shown
from stepprove.files.output_file import require_writable
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.source.file import read_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome

FileArgument = Annotated[Path, typer.Argument(metavar="FILE.lean", help="The Lean file to work on.")]


def prove(
    file: FileArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Where to write the file with its proofs. [FILE.proved.lean]",
        ),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the proofs into FILE itself (atomically).")
    ] = False,
    theorem: Annotated[
        list[str] | None,
        typer.Option(
            "--theorem", metavar="NAME", help="Only the holes of this declaration; may be repeated."
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", metavar="SECONDS", help="For each hole. [60; with a model 600]"),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once (about 0.8 GB each)."),
    ] = 1,
    json: Json = False,
    engine: EngineOption = "auto",
    engine_memory: EngineMemory = None,
    without_mathlib: WithoutMathlib = False,
    allow_native_decide: AllowNativeDecide = False,
    allow_axiom: AllowAxiom = None,
    seed: Annotated[int, typer.Option("--seed", help="Breaks ties in the search.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do not try proofs that earlier runs found on the same text.")
    ] = False,
    model: ModelOption = None,
    policy: PolicyOption = None,
    style: StyleOption = "auto",
    attempts: AttemptsOption = 4,
    rounds: RoundsOption = 4,
    tokens: TokensOption = None,
    hole_tokens: HoleTokensOption = None,
    dollars: DollarsOption = None,
    price: PriceOption = None,
    library: LibraryOption = None,
    trace: TraceOption = None,
    no_trace: NoTraceOption = False,
) -> int:
    """Prove every `sorry` of a Lean file, and write the file with its proofs.

    Each hole gets a verdict: **proved**, **disproved** (its negation is proved), **failed**, **timeout**, or
    **rejected** (the trust gate said no). A hole that is not proved keeps its `sorry`; every other byte stays as it was.

    With `--model` a language model works on each hole that the search does not close at once; the gate judges its proofs too.

    Example: `stepprove prove examples/first.lean -o proved.lean`
    """
    plan = ModelSettings(
        model, policy, style, attempts, rounds, tokens, hole_tokens, dollars, price, library
    ).plan()
    if time_limit is None:
        time_limit = 60.0 if plan is None else 600.0
    positive_seconds(time_limit, "--time-limit")
    if output is not None and in_place:
        raise CommandError("--output and --in-place exclude each other.")
    source = read_source(file)
    target = file if in_place else output or beside(file)
    require_writable(target, follow=in_place)
    lean = choose_engine(source, engine, without_mathlib=without_mathlib, memory_mb=engine_memory)
    options = ProveOptions(
        theorems=tuple(theorem or ()),
        time_limit=time_limit,
        jobs=jobs,
        seed=seed,
        policy=Policy(axioms=frozenset(allow_axiom or ()), native_decide=allow_native_decide),
        prelude=prelude_for(lean) if without_mathlib else None,
        remember=not fresh,
    )
    call = ProveCall(file, source, lean, options, plan)
    stop = Stop()
    with tracing(trace, no_trace=no_trace, wanted=plan is not None) as record:
        record.record("run", **begun(call))
        try:
            with watching(source, quiet=json) as listen:
                report = run_prover(call, listen, stop, record)
        except FileRefused as refused:
            raise CommandError(f"{file}: {refused}.") from None
        code = 130 if stop.is_set() else _exit_code(report)
        record.record("end", text=report.text, **totals(report), exit_code=code)
    outcome = write_proved(file, target, source, report.text, in_place=in_place)
    code = code if outcome.code is None or code == 130 else outcome.code
    if json:
        print_json(document(call, outcome, report, record, code))
    else:
        print_report(call, outcome, report, record)
    for sentence in outcome.remarks:
        err.print(f"[bold red]stepprove:[/] {shown(sentence)}")
    return code


def _exit_code(report: ProveReport) -> int:
    if report.complete:
        return 0
    decided = {hole.outcome for hole in report.holes}
    return 3 if decided <= {Outcome.PROVED, Outcome.INFRASTRUCTURE} else 1
