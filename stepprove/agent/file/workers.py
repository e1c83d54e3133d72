"""The workers of a run on a file: one for each Lean process that has worked on it."""

from __future__ import annotations

from stepprove.agent.file.options import ProveOptions
from stepprove.agent.file.worker import CHUNK_SECONDS, Worker
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import SourceFile


class Workers:
    """The workers of a run; each belongs to one process and remembers what that has elaborated."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions) -> None:
        self.source, self.engine, self.options = source, engine, options
        self.judged: dict[str, Judgement] = {}
        self._made: dict[Repl, Worker] = {}
        self._patience = CHUNK_SECONDS

    def on(self, repl: Repl) -> Worker:
        """Return the worker of a process."""
        if repl not in self._made:
            self._made[repl] = Worker(self.source, self.engine, self.options, repl, self.judged)
        worker = self._made[repl]
        worker.patience = self._patience
        return worker

    def check_original(self, repl: Repl) -> None:
        """Elaborate the text as the user wrote it, and note how long that takes; see `Worker.check_original`."""
        worker = self.on(repl)
        worker.check_original()
        self._patience = worker.patience
