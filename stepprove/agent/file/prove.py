"""Fill the holes of a file: search each hole, assemble the proofs, and run the trust gate on the file.

There are three passes. The search, with a language model beside it if the options name one, works on each hole alone while the
others stay open, on as many Lean processes as there are jobs. The assembly puts the proofs into the file from the top, and
searches again where one no longer holds (a definition's hole may have been filled meanwhile). The gate judges the whole file;
it drops each rejected proof, and that hole stays `sorry`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Event

from stepprove.agent.file.conclude import conclude
from stepprove.agent.file.options import FileRefused, Finished, Listener, ProveOptions, Started
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.file.worker import CHUNK_SECONDS, Worker, blank_result
from stepprove.agent.models.auto_policy import AutoPolicy
from stepprove.agent.models.model_attempts import ModelPlan
from stepprove.agent.models.model_runtime import ModelRuntime
from stepprove.agent.trace.listener import trace_listener
from stepprove.agent.trace.trace import Trace
from stepprove.faults import fault_told
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import Hole, SourceFile
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Usage

HOLES_WITH_MODEL = 4
"""Holes that may wait for a model at any time, beside those that are searched."""


def prove_source(
    source: SourceFile,
    engine: Engine,
    options: ProveOptions = ProveOptions(),  # noqa: B008 - frozen
    *,
    listen: Listener = lambda _: None,
    cancelled: Event | None = None,
    repl: Repl | None = None,
    pool: SyncPool | None = None,
    model: ModelPlan | None = None,
    trace: Trace | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ProveReport:
    """Fill the holes of a source text.

    Args:
        source: the file.
        engine: the Lean.
        options: how to search.
        listen: receives the events of the run, from any thread.
        cancelled: ends the search when set; the proofs found so far are still assembled and gated.
        repl: a process of that engine for the search; no other is started, and there is one job.
        pool: runs the model's code; None: a pool of as many engines as jobs, two at least.
        model: a model to run beside the search, and how.
        trace: receives a record of every event.
        say: receives a line before slow work.

    Returns:
        The report, with the text and the result of each hole.

    Raises:
        FileRefused: the text cannot be worked on.
        ReplFailure: Lean cannot be run at all.
    """
    started = time.monotonic()
    stop = cancelled or Event()
    trace = trace or Trace()
    listen = trace_listener(trace, source, listen)
    wanted = _select(source, options.theorems)
    with ExitStack() as stack:
        workers = stack.enter_context(_WorkerPool(source, engine, options, repl))
        first = workers.borrow()
        try:
            first.check_original()
        finally:
            workers.give_back(first)
        runtime = None
        if model is not None:
            runtime = stack.enter_context(
                ModelRuntime(model, engine, options, source, listen, trace, say, pool)
            )
        found = _search_all(workers, wanted, listen, stop, options.time_limit, runtime)
        worker = workers.borrow()
        text, results, verdicts = conclude(worker, found, listen, stop)
    for result in results:
        trace.record("result", hole=result.index, **result.model_dump(mode="json", exclude={"index"}))
    usage = Usage() if runtime is None else runtime.account.usage
    dollars = 0.0 if runtime is None else runtime.account.dollars
    return ProveReport(
        holes=tuple(results),
        verdicts=verdicts,
        text=text,
        seconds=time.monotonic() - started,
        usage=usage,
        dollars=dollars,
    )


def _select(source: SourceFile, theorems: Sequence[str]) -> list[Hole]:
    """Return the holes to work on; raise FileRefused for a name that the file does not have."""
    if not theorems:
        return list(source.holes)
    indices: set[int] = set()
    for name in theorems:
        wanted = components(name)
        same = [
            d
            for d in source.declarations
            if d.full_name is not None and wanted and components(d.full_name)[-len(wanted) :] == wanted
        ]
        if not same:
            names = ", ".join(d.full_name or "" for d in source.declarations if d.full_name and d.holes)
            raise FileRefused(
                f"there is no declaration `{name}`" + (f"; with a hole there are: {names}" if names else "")
            )
        indices.update(i for d in same for i in d.holes)
    return [hole for hole in source.holes if hole.index in indices]


def _search_all(
    workers: _WorkerPool,
    holes: Sequence[Hole],
    listen: Listener,
    stop: Event,
    seconds: float,
    runtime: ModelRuntime | None,
) -> list[HoleResult]:
    def one(hole: Hole) -> HoleResult:
        """Search one hole; a fault is this hole's outcome only."""
        started = time.monotonic()
        try:
            return searched(hole)
        except Exception as fault:
            reason = fault_told(fault, f"the hole at line {hole.line}")
            result = blank_result(workers.source, hole).model_copy(
                update={
                    "outcome": Outcome.INFRASTRUCTURE,
                    "reason": reason,
                    "seconds": round(time.monotonic() - started, 3),
                }
            )
        listen(Finished(result))
        return result

    def searched(hole: Hole) -> HoleResult:
        worker = workers.borrow()
        policy = None if runtime is None else AutoPolicy(runtime, hole, seconds, listen, stop)
        started = time.monotonic()
        try:
            listen(Started(hole.index))
            result = worker.attempt(hole, listen, stop) if policy is None else policy.search(worker)
        finally:
            workers.give_back(worker)
        if policy is not None:
            result = result or policy.model()
            if result.outcome is Outcome.PROVED and result.proof is not None:
                worker.keep(hole, worker.chunks[: hole.chunk], result.proof, result.found_by or "")
            result = result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})
        assert result is not None
        listen(Finished(result))
        return result

    # A hole that waits for the model needs no worker, so the search continues with the next holes.
    count = workers.count if runtime is None else workers.count + HOLES_WITH_MODEL
    with ThreadPoolExecutor(max_workers=count) as pool:
        futures = [pool.submit(one, hole) for hole in holes]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def _start(engine: Engine) -> Repl:
    return Repl(engine, timeout=CHUNK_SECONDS, memory_limit_mb=engine.memory_limit_mb)


class _WorkerPool:
    """The Lean processes of a run, lent to one hole at a time."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions, repl: Repl | None) -> None:
        self.source = source
        self.count = 1 if repl is not None else max(1, min(options.jobs, len(source.holes)))
        self._lent = repl is not None
        repls = [repl] if repl is not None else [_start(engine) for _ in range(self.count)]
        self._all = [Worker(source, engine, options, process) for process in repls]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._all:
            self._free.put(worker)

    def __enter__(self) -> _WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lent:
            for worker in self._all:
                worker.repl.close()

    def borrow(self) -> Worker:
        return self._free.get()

    def give_back(self, worker: Worker) -> None:
        self._free.put(worker)
