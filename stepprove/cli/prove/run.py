"""Run the prover for `stepprove prove`: in a thread of its own, with its progress shown, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from stepprove.agent.file.options import Finished, Listener, ProveEvent, Started, Thinking, Working
from stepprove.agent.file.prove import prove_source
from stepprove.agent.file.report import ProveReport
from stepprove.agent.stop import Stop
from stepprove.agent.trace.trace import Trace
from stepprove.cli.prove.report import ProveCall, counted, hole_line
from stepprove.cli.terminal.console import err, shown
from stepprove.cli.terminal.progress import counting_bar
from stepprove.lean_project.source.file import SourceFile


def run_prover(call: ProveCall, listen: Listener, stop: Stop, trace: Trace) -> ProveReport:
    """Run the prover in its own thread: Ctrl-C stops the search, and the command still writes the proofs found so far."""
    box: list[ProveReport | BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            box.append(
                prove_source(
                    call.source,
                    call.engine,
                    call.options,
                    listen=listen,
                    stop=stop,
                    model=call.plan,
                    trace=trace,
                    say=lambda line: err.print(shown(line), style="dim"),
                )
            )
        except BaseException as problem:
            box.append(problem)
        finally:
            done.set()

    with _interrupts_set(stop):
        threading.Thread(target=body, daemon=True).start()
        while not done.wait(0.1):
            if stop.is_set():
                err.print("Stopping: what is proved will be written. Press Ctrl-C again to leave at once.")
                done.wait()
    (result,) = box
    if isinstance(result, BaseException):
        raise result
    return result


@contextmanager
def _interrupts_set(stop: Stop) -> Iterator[None]:
    """Let the first Ctrl-C set an event, and only the second raise KeyboardInterrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # a background job ignores SIGINT, or other code handles it
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def watching(source: SourceFile, *, quiet: bool) -> Iterator[Listener]:
    """Show the work as it goes: a bar on a terminal, nothing in a pipe."""
    if quiet or not err.is_terminal or not source.holes:
        yield lambda _: None
        return
    with counting_bar() as bar:
        task = bar.add_task("Starting Lean", total=len(source.holes))

        def listen(event: ProveEvent) -> None:
            match event:
                case Finished(result):
                    bar.console.print(hole_line(result))
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
                        f"{counted(answers, 'answer')}, {tokens} tokens",
                    )

        yield listen
