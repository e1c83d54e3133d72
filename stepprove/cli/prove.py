"""`stepprove prove`: fill the holes of a file."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from stepprove.agent.options import FileRefused, Finished, Listener, ProveOptions, Started, Working
from stepprove.agent.prove import prove_source
from stepprove.agent.report import HoleResult, ProveReport
from stepprove.cli.console import CommandError, err, out, print_json
from stepprove.cli.files import (
    STYLES,
    choose_engine,
    engine_json,
    engine_words,
    positive_seconds,
)
from stepprove.cli.options import AllowAxiom, AllowNativeDecide, EngineOption, Json, WithoutMathlib
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.gate import Policy
from stepprove.lean_project.outcome import Outcome
from stepprove.lean_project.prelude import PRELUDE
from stepprove.lean_project.source import SourceFile, changed_since, read_source, write_atomic

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
        float, typer.Option("--time-limit", metavar="SECONDS", help="For each hole.")
    ] = 60.0,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Lean processes at once (about 0.8 GB each)."),
    ] = 1,
    json: Json = False,
    engine: EngineOption = "auto",
    without_mathlib: WithoutMathlib = False,
    allow_native_decide: AllowNativeDecide = False,
    allow_axiom: AllowAxiom = None,
    seed: Annotated[int, typer.Option("--seed", help="Breaks ties in the search.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do not try proofs that earlier runs found on the same text.")
    ] = False,
) -> int:
    """Prove every `sorry` of a Lean file, and write the file with its proofs.

    Each hole gets a verdict: **proved**, **disproved** (its negation is proved), **failed**, **timeout**, or
    **rejected** (the trust gate said no). A hole that is not proved keeps its `sorry`; every other byte stays as it was.

    Example: `stepprove prove examples/first.lean -o proved.lean`
    """
    positive_seconds(time_limit, "--time-limit")
    if output is not None and in_place:
        raise CommandError("--output and --in-place exclude each other.")
    source = read_source(file)
    target = file if in_place else output or _beside(file)
    _check_writable(target)
    lean = choose_engine(source, engine, without_mathlib=without_mathlib)
    options = ProveOptions(
        theorems=tuple(theorem or ()),
        time_limit=time_limit,
        jobs=jobs,
        seed=seed,
        policy=Policy(axioms=frozenset(allow_axiom or ()), native_decide=allow_native_decide),
        prelude=PRELUDE if without_mathlib and lean.kind == "embedded" else None,
        remember=not fresh,
    )
    cancelled = threading.Event()
    try:
        with _watching(source, quiet=json) as listen:
            report = _run(source, lean, options, listen, cancelled)
    except FileRefused as refused:
        raise CommandError(f"{file}: {refused}.") from None
    if changed_since(source) and _same_file(file, target):
        raise CommandError(f"{file} was changed meanwhile; nothing was written.", code=2)
    write_atomic(target, report.text, like=source)
    code = 130 if cancelled.is_set() else _exit_code(report)
    if json:
        print_json(_document(file, target, lean, options, report, code))
    else:
        _print(file, target, lean, source, report)
    return code


def _run(
    source: SourceFile, lean: Engine, options: ProveOptions, listen: Listener, cancelled: threading.Event
) -> ProveReport:
    """Run in a thread of its own, so that Ctrl-C asks the search to stop and what was found is still written."""
    box: list[ProveReport | BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            box.append(prove_source(source, lean, options, listen=listen, cancelled=cancelled))
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
    if before is not signal.default_int_handler:  # ignored, as in a background job, or another's business
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _beside(file: Path) -> Path:
    return file.with_suffix(".proved.lean") if file.suffix == ".lean" else Path(f"{file}.proved.lean")


def _same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    return other.exists() and one.exists() and one.samefile(other)


def _check_writable(target: Path) -> None:
    """Refuse early what could not be written at the end."""
    if target.is_dir():
        raise CommandError(f"{target} is a directory, not a file to write.")
    if target.exists() and not target.is_file():
        raise CommandError(f"{target} is not a regular file.")
    probe = target.parent / f".{target.name}.{time.time_ns()}"
    try:
        probe.touch()
        probe.unlink()
        if target.exists():
            with target.open("ab"):
                pass
    except OSError as problem:
        raise CommandError(f"{target} cannot be written: {problem.strerror}.") from None


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
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
    with bar:
        task = bar.add_task("Starting Lean", total=len(source.holes))

        def listen(event: Started | Working | Finished) -> None:
            if isinstance(event, Finished):
                result = event.result
                bar.console.print(_line(result))
                bar.advance(task)
            elif isinstance(event, Working):
                hole = source.holes[event.hole]
                bar.update(
                    task,
                    description=f"line {hole.line}: {event.progress.steps} steps, "
                    f"{event.progress.open_goals} goals: {escape(event.progress.trying[:40])}",
                )
            else:
                bar.update(task, description=f"line {source.holes[event.hole].line}")

        yield listen


def _line(result: HoleResult) -> str:
    style = STYLES[result.outcome]
    where = f"line {result.line}"
    name = escape(result.declaration or "")
    said = result.found_by if result.outcome in {Outcome.PROVED, Outcome.DISPROVED} else result.reason
    again = " (found before)" if result.remembered else ""
    return (
        f"  [{style}]{result.outcome.value:<14}[/] {where:<9} [bold]{name}[/]  {escape(said or '')}{again}"
        f"  [dim]{result.seconds:.1f} s[/]"
    )


def _print(file: Path, target: Path, lean: Engine, source: SourceFile, report: ProveReport) -> None:
    out.print(f"{escape(str(file))}: {_count(len(report.holes), 'hole')}, {escape(engine_words(lean))}")
    for result in report.holes:
        out.print(_line(result))
        if result.proof and result.outcome is Outcome.PROVED and "\n" in result.proof:
            for line in result.proof.splitlines():
                out.print(f"      {escape(line)}", style="dim")
        if result.outcome is Outcome.DISPROVED:
            if result.counterexample:
                out.print(f"      counterexample: {escape(result.counterexample)}")
            for line in (result.proof or "").splitlines():
                out.print(f"      {escape(line)}", style="dim")
        elif result.outcome is not Outcome.PROVED and result.goal:
            for line in result.goal.splitlines():
                out.print(f"      {escape(line)}", style="dim")
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
    if not source.holes:
        out.print("There is no `sorry` in this file.")
    out.print(f"Written to {escape(str(target))}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _document(
    file: Path, target: Path, lean: Engine, options: ProveOptions, report: ProveReport, code: int
) -> dict[str, Any]:
    return {
        "file": str(file),
        "output": str(target),
        "engine": engine_json(lean),
        "without_mathlib": options.prelude is not None,
        "time_limit": options.time_limit,
        "seed": options.seed,
        "holes": [hole.model_dump(mode="json") for hole in report.holes],
        "declarations": [verdict.model_dump(mode="json") for verdict in report.verdicts],
        "summary": {outcome.value: report.count(outcome) for outcome in Outcome},
        "complete": report.complete,
        "seconds": round(report.seconds, 3),
        "exit_code": code,
    }
