"""Fill the holes of a file: search each, put what was found together, and let the trust gate have the last word.

Three passes. The search looks at each hole on its own, the other holes still open, on as many Lean processes as there are
jobs. The assembly walks the file from the top with the proofs in place, and searches again where one no longer holds
(a definition's hole may have been filled meanwhile). The gate then judges the whole file; a proof that it turns away
is taken out again, and the hole stays `sorry`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event

from stepprove.agent.options import FileRefused, Finished, Listener, ProveOptions, Started
from stepprove.agent.report import HoleResult, ProveReport
from stepprove.agent.trial import settle
from stepprove.agent.worker import CHUNK_SECONDS, Worker
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.names import components
from stepprove.lean_project.repl import Repl
from stepprove.lean_project.source import Hole, SourceFile

MEMORY_LIMIT_MB = 1700.0
"""The embedded engine can address 2 GB; beyond this it is replaced."""


def prove_source(
    source: SourceFile,
    engine: Engine,
    options: ProveOptions = ProveOptions(),  # noqa: B008 - frozen
    *,
    listen: Listener = lambda _: None,
    cancelled: Event | None = None,
    repl: Repl | None = None,
) -> ProveReport:
    """Fill the holes of a source text.

    `listen` is told what happens, from any thread. Setting `cancelled` ends the search; what was found until then is still
    assembled and judged. With a `repl` of that engine nothing is started and there is one job.

    Raises FileRefused for a text that cannot be worked on, ReplFailure when Lean cannot be run at all.
    """
    started = time.monotonic()
    stop = cancelled or Event()
    wanted = _select(source, options.theorems)
    with _Workers(source, engine, options, repl) as workers:
        first = workers.borrow()
        try:
            first.check_original()
        finally:
            workers.give_back(first)
        found = _search_all(workers, wanted, listen, stop)
        worker = workers.borrow()
        results = worker.assemble(found, listen, stop)
        text, results, verdicts = settle(worker, results)
    return ProveReport(holes=tuple(results), verdicts=verdicts, text=text, seconds=time.monotonic() - started)


def _select(source: SourceFile, theorems: Sequence[str]) -> list[Hole]:
    """The holes to work on. Raises FileRefused for a name that the file does not have."""
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
            known = ", ".join(d.full_name or "" for d in source.declarations if d.full_name and d.holes)
            raise FileRefused(
                f"there is no declaration `{name}`" + (f"; with a hole there are: {known}" if known else "")
            )
        indices.update(i for d in same for i in d.holes)
    return [hole for hole in source.holes if hole.index in indices]


def _search_all(workers: _Workers, holes: Sequence[Hole], listen: Listener, stop: Event) -> list[HoleResult]:
    def one(hole: Hole) -> HoleResult:
        worker = workers.borrow()
        try:
            listen(Started(hole.index))
            result = worker.attempt(hole, listen, stop)
        finally:
            workers.give_back(worker)
        listen(Finished(result))
        return result

    with ThreadPoolExecutor(max_workers=workers.count) as pool:
        futures = [pool.submit(one, hole) for hole in holes]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def _start(engine: Engine) -> Repl:
    return Repl(engine, timeout=CHUNK_SECONDS, memory_limit_mb=MEMORY_LIMIT_MB)


class _Workers:
    """The Lean processes of a run, lent out one at a time."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions, repl: Repl | None) -> None:
        self.count = 1 if repl is not None else max(1, min(options.jobs, len(source.holes)))
        self._lent = repl is not None
        repls = [repl] if repl is not None else [_start(engine) for _ in range(self.count)]
        self._all = [Worker(source, engine, options, each) for each in repls]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._all:
            self._free.put(worker)

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lent:
            for worker in self._all:
                worker.repl.close()

    def borrow(self) -> Worker:
        return self._free.get()

    def give_back(self, worker: Worker) -> None:
        self._free.put(worker)
