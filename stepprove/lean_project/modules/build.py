"""Compile the modules of a project in parallel, each once, and keep what was made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stepprove.lean_project.engines.embedded.install import installation
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.messages import uses_sorry
from stepprove.lean_project.modules.compile import compile_module
from stepprove.lean_project.modules.graph import Fault, ModuleGraph, ModuleSource
from stepprove.lean_project.modules.keys import artifact_keys
from stepprove.lean_project.modules.store import ModuleStore, StoredModule
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.lean_project.repl.protocol import Message
from stepprove.lean_project.repl.repl import Repl

__all__ = ["BuildReport", "BuiltModule", "ModuleState", "build"]

MODULE_SECONDS = 1800.0
"""For one module."""

ModuleState = Literal["compiled", "kept", "errors", "failed", "waiting"]
"""`compiled` now; `kept` from an earlier build; Lean reports `errors`; `failed`: no answer; `waiting` for another one."""


@dataclass(frozen=True, slots=True)
class BuiltModule:
    """What came of one module."""

    source: ModuleSource
    state: ModuleState
    messages: tuple[Message, ...] = ()
    seconds: float = 0.0
    reason: str | None = None
    """Why it failed, or the module that it waits for."""

    @property
    def stands(self) -> bool:
        """Whether other modules can import it."""
        return self.state in ("compiled", "kept")

    @property
    def sorries(self) -> int:
        """How many of its declarations use `sorry`."""
        return sum(uses_sorry(message.data) for message in self.messages if message.severity == "warning")


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What came of a build."""

    modules: tuple[BuiltModule, ...]
    """In the order in which they can be compiled."""
    faults: tuple[Fault, ...]
    """Modules that could not even be tried."""
    waiting: Mapping[str, str]
    """Modules that wait for one of the faults, by name: that module."""
    folder: Path
    """Where engines find the compiled modules; see `with_modules`."""

    @property
    def stands(self) -> bool:
        """Whether every module is compiled."""
        return not self.faults and not self.waiting and all(module.stands for module in self.modules)


def build(
    graph: ModuleGraph,
    engine: Engine,
    *,
    jobs: int = 1,
    store: ModuleStore | None = None,
    listen: Callable[[BuiltModule], None] = lambda _: None,
    timeout: float = MODULE_SECONDS,
) -> BuildReport:
    """Compile the modules of a graph that the store lacks.

    A build that is interrupted, even killed, goes on where it was; of two builds at once each compiles what the other has not.

    Args:
        graph: the modules.
        engine: an embedded Lean.
        jobs: modules compiled at once, each in a process of its own.
        store: what earlier builds made; None: the user's cache.
        listen: receives each module as it ends, from this thread.
        timeout: seconds for each module.

    Raises:
        OSError: the store cannot be written.
    """
    return _Build(graph, engine, store or ModuleStore(), timeout).run(jobs, listen)


class _Build:
    def __init__(self, graph: ModuleGraph, engine: Engine, store: ModuleStore, timeout: float) -> None:
        self._graph, self._engine, self._store, self._timeout = graph, engine, store, timeout
        self._keys = artifact_keys(graph.order, installation().folder.name)
        self._view = store.view(self._keys)
        self._done: dict[str, BuiltModule] = {}
        self._running: set[Repl] = set()
        self._lock, self._stopped = threading.Lock(), False

    def run(self, jobs: int, listen: Callable[[BuiltModule], None]) -> BuildReport:
        todo = list(self._graph.order)
        under_way: dict[Future[BuiltModule], str] = {}
        with ThreadPoolExecutor(max(1, jobs)) as threads:
            try:
                while todo or under_way:
                    for module in [m for m in todo if self._is_ready(m)]:
                        todo.remove(module)
                        if (blocked := self._blocked(module)) is not None:
                            self._end(BuiltModule(module, "waiting", reason=blocked), listen)
                        else:
                            under_way[threads.submit(self._module, module)] = module.name
                    if under_way:
                        ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
                        for future in ended:
                            del under_way[future]
                            self._end(future.result(), listen)
            except BaseException:
                self._stop()
                threads.shutdown(wait=True, cancel_futures=True)
                raise
        modules = tuple(self._done[module.name] for module in self._graph.order)
        return BuildReport(modules, self._graph.faults, self._graph.waiting, self._view)

    def _is_ready(self, module: ModuleSource) -> bool:
        return all(name in self._done for name in module.imports)

    def _blocked(self, module: ModuleSource) -> str | None:
        return next((name for name in module.imports if not self._done[name].stands), None)

    def _end(self, built: BuiltModule, listen: Callable[[BuiltModule], None]) -> None:
        self._done[built.source.name] = built
        listen(built)

    def _module(self, module: ModuleSource) -> BuiltModule:
        key, started = self._keys[module.name], time.monotonic()
        if (kept := self._store.get(key)) is None:
            with self._store.making(key):
                if (kept := self._store.get(key)) is None:
                    return self._compiled(module, key, started)
        return self._shown(module, kept, "kept", started)

    def _compiled(self, module: ModuleSource, key: str, started: float) -> BuiltModule:
        try:
            compiled = compile_module(
                self._engine,
                module.name,
                module.text,
                self._view,
                options=module.options,
                timeout=self._timeout,
                watch=self._watch,
            )
        except (ReplFailure, ValueError) as failure:
            seconds = time.monotonic() - started
            return BuiltModule(module, "failed", seconds=seconds, reason=str(failure))
        if not compiled.stands:
            return BuiltModule(module, "errors", compiled.messages, time.monotonic() - started)
        stored = self._store.put(key, compiled.files, compiled.messages)
        return self._shown(module, stored, "compiled", started)

    def _shown(
        self, module: ModuleSource, stored: StoredModule, state: ModuleState, started: float
    ) -> BuiltModule:
        self._store.show(self._view, module.name, stored.files)
        return BuiltModule(module, state, stored.messages, time.monotonic() - started)

    def _watch(self, repl: Repl, runs: bool) -> None:
        with self._lock:
            (self._running.add if runs else self._running.discard)(repl)
            stop = runs and self._stopped
        if stop:
            repl.interrupt()

    def _stop(self) -> None:
        """End what runs: after Ctrl-C nobody waits for a module."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for repl in running:
            repl.interrupt()
