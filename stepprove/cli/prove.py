"""`stepprove prove`: fill the holes of a file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from stepprove import __version__
from stepprove.agent.file.options import (
    FileRefused,
    Finished,
    Listener,
    ProveEvent,
    ProveOptions,
    Started,
    Thinking,
    Working,
)
from stepprove.agent.file.prove import prove_source
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.models.model_attempts import ModelPlan
from stepprove.agent.trace.trace import Trace
from stepprove.cli.console import CommandError, err, out, print_json, shown, shown_lines
from stepprove.cli.files import (
    STYLES,
    choose_engine,
    counting_bar,
    engine_json,
    engine_words,
    positive_seconds,
)
from stepprove.cli.models import (
    AttemptsOption,
    DollarsOption,
    HoleTokensOption,
    LibraryOption,
    ModelOption,
    NoTraceOption,
    PolicyOption,
    PriceOption,
    RoundsOption,
    StyleOption,
    TokensOption,
    TraceOption,
    model_plan,
    tracing,
)
from stepprove.cli.options import (
    AllowAxiom,
    AllowNativeDecide,
    EngineMemory,
    EngineOption,
    Json,
    WithoutMathlib,
)
from stepprove.cli.prove_output import ProveOutput, beside, write_proved
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.source.file import SourceFile, read_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome
from stepprove.output_file import require_writable

_INDENT = 6
"""Columns of indentation for text of several lines."""

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
    plan = model_plan(model, policy, style, attempts, rounds, tokens, hole_tokens, dollars, price, library)
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
    cancelled = threading.Event()
    with tracing(trace, no_trace=no_trace, wanted=plan is not None) as record:
        record.record("run", **_begun(file, source, lean, options, plan))
        try:
            with _watching(source, quiet=json) as listen:
                report = _run(source, lean, options, listen, cancelled, plan, record)
        except FileRefused as refused:
            raise CommandError(f"{file}: {refused}.") from None
        code = 130 if cancelled.is_set() else _exit_code(report)
        record.record("end", text=report.text, **_totals(report), exit_code=code)
    outcome = write_proved(file, target, source, report.text, in_place=in_place)
    code = code if outcome.code is None or code == 130 else outcome.code
    if json:
        print_json(_document(file, outcome, lean, options, report, code, plan, record))
    else:
        _print(file, outcome, lean, source, report, plan, record)
    for sentence in outcome.remarks:
        err.print(f"[bold red]stepprove:[/] {shown(sentence)}")
    return code


def _run(
    source: SourceFile,
    lean: Engine,
    options: ProveOptions,
    listen: Listener,
    cancelled: threading.Event,
    plan: ModelPlan | None,
    trace: Trace,
) -> ProveReport:
    """Run the prover in its own thread: Ctrl-C stops the search, and the command still writes the proofs found so far."""
    box: list[ProveReport | BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            box.append(
                prove_source(
                    source,
                    lean,
                    options,
                    listen=listen,
                    cancelled=cancelled,
                    model=plan,
                    trace=trace,
                    say=lambda line: err.print(shown(line), style="dim"),
                )
            )
        except BaseException as problem:
            box.append(problem)
        finally:
            done.set()

    with _interrupts_set(cancelled):
        threading.Thread(target=body, daemon=True).start()
        while not done.wait(0.1):
            if cancelled.is_set():
                err.print("Stopping: what is proved will be written. Press Ctrl-C again to leave at once.")
                done.wait()
    (result,) = box
    if isinstance(result, BaseException):
        raise result
    return result


@contextmanager
def _interrupts_set(cancelled: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C set an event, and only the second raise KeyboardInterrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if cancelled.is_set():
            raise KeyboardInterrupt
        cancelled.set()

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # a background job ignores SIGINT, or other code handles it
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _exit_code(report: ProveReport) -> int:
    if report.complete:
        return 0
    decided = {hole.outcome for hole in report.holes}
    return 3 if decided <= {Outcome.PROVED, Outcome.INFRASTRUCTURE} else 1


@contextmanager
def _watching(source: SourceFile, *, quiet: bool) -> Iterator[Listener]:
    """Show the work as it goes: a bar on a terminal, nothing in a pipe."""
    if quiet or not err.is_terminal or not source.holes:
        yield lambda _: None
        return
    with counting_bar() as bar:
        task = bar.add_task("Starting Lean", total=len(source.holes))

        def listen(event: ProveEvent) -> None:
            match event:
                case Finished(result):
                    bar.console.print(_line(result))
                    bar.advance(task)
                case Started(hole):
                    bar.update(task, description=f"line {source.holes[hole].line}")
                case Working(hole, progress):
                    bar.update(
                        task,
                        description=f"line {source.holes[hole].line}: {progress.steps} steps, "
                        f"{progress.open_goals} goals: {shown(progress.trying[:40])}",
                    )
                case Thinking(hole, answers, tokens):
                    bar.update(
                        task,
                        description=f"line {source.holes[hole].line}: the model, "
                        f"{_count(answers, 'answer')}, {tokens} tokens",
                    )

        yield listen


def _line(result: HoleResult) -> str:
    style = STYLES[result.outcome]
    where = f"line {result.line}"
    name = shown(result.declaration or "")
    words = result.found_by if result.outcome in {Outcome.PROVED, Outcome.DISPROVED} else result.reason
    again = " (found before)" if result.remembered else ""
    return (
        f"  [{style}]{result.outcome.value:<14}[/] {where:<9} [bold]{name}[/]  {shown_lines(words or '', _INDENT)}{again}"
        f"  [dim]{result.seconds:.1f} s[/]"
    )


def _begun(
    file: Path, source: SourceFile, lean: Engine, options: ProveOptions, plan: ModelPlan | None
) -> dict[str, Any]:
    """The header of a run's trace."""
    return {
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "file": str(file),
        "text": source.text,
        "engine": engine_json(lean),
        "model": None if plan is None else plan.name,
        "policy": "portfolio" if plan is None else plan.policy,
        "time_limit": options.time_limit,
        "seed": options.seed,
    }


def _totals(report: ProveReport) -> dict[str, Any]:
    """The totals of a run."""
    return {
        "seconds": round(report.seconds, 3),
        "usage": report.usage.model_dump(),
        "dollars": round(report.dollars, 6),
    }


def _print(
    file: Path,
    output: ProveOutput,
    lean: Engine,
    source: SourceFile,
    report: ProveReport,
    plan: ModelPlan | None,
    trace: Trace,
) -> None:
    out.print(f"{shown(file)}: {_count(len(report.holes), 'hole')}, {shown(engine_words(lean))}")
    for result in report.holes:
        out.print(_line(result))
        if (
            result.proof
            and result.outcome is Outcome.PROVED
            and (output.target is None or "\n" in result.proof)
        ):
            out.print(f"      {shown_lines(result.proof, _INDENT)}", style="dim")
        if result.outcome is Outcome.DISPROVED:
            if result.counterexample:
                out.print(f"      counterexample: {shown(result.counterexample)}")
            out.print(f"      {shown_lines(result.proof or '', _INDENT)}", style="dim")
        elif result.outcome is not Outcome.PROVED and result.goal:
            out.print(f"      {shown_lines(result.goal, _INDENT)}", style="dim")
    proved = report.count(Outcome.PROVED)
    open_still = [v for v in report.verdicts if v.outcome is not Outcome.PROVED]
    out.print(
        f"{proved} of {len(report.holes)} proved in {report.seconds:.1f} s"
        + (
            f"; {_count(len(open_still), 'declaration')} still {'rests' if len(open_still) == 1 else 'rest'} on `sorry`"
            if open_still
            else ""
        )
    )
    if plan is not None:
        spent = f", ${report.dollars:.4f}" if report.dollars else ""
        out.print(f"{shown(plan.name)}: {report.usage.tokens} tokens{spent}")
    if trace.path is not None:
        out.print(f"What happened: stepprove trace show {shown(trace.path.parent)}")
    if not source.holes:
        out.print("There is no `sorry` in this file.")
    if output.target is not None:
        out.print(
            f"{'Written to' if output.changed else 'Nothing to write, for this is what stands in'} {shown(output.target)}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _document(
    file: Path,
    output: ProveOutput,
    lean: Engine,
    options: ProveOptions,
    report: ProveReport,
    code: int,
    plan: ModelPlan | None,
    trace: Trace,
) -> dict[str, Any]:
    return {
        "file": str(file),
        "output": None if output.target is None else str(output.target),
        "changed": output.changed,
        "remarks": output.remarks,
        "engine": engine_json(lean),
        "without_mathlib": options.prelude is not None,
        "time_limit": options.time_limit,
        "seed": options.seed,
        "holes": [hole.model_dump(mode="json") for hole in report.holes],
        "declarations": [verdict.model_dump(mode="json") for verdict in report.verdicts],
        "summary": {outcome.value: report.count(outcome) for outcome in Outcome},
        "complete": report.complete,
        "policy": "portfolio" if plan is None else plan.policy,
        "model": None if plan is None else plan.name,
        **_totals(report),
        "trace": None if trace.path is None else str(trace.path),
        "exit_code": code,
    }
