"""The search and a model at one hole: whoever is first ends the other.

The search begins; a little later, if it has not found a proof by then, the model joins in. What the search leaves is the
model's alone.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Event, Lock, Timer

from stepprove.agent.file.options import Listener
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import Worker
from stepprove.agent.models.model_runtime import ModelRuntime
from stepprove.lean_project.source.file import Hole
from stepprove.outcome import Outcome

HEAD_START_SECONDS = 5.0
"""Before the model is asked; most holes that the search can prove are proved by then."""
SEARCH_SECONDS = 60.0
"""The most that the search works on a hole beside a model."""
_PAUSE = 0.05


class _CancelScope(Event):
    """The end of one hole's race; also set when the whole run is to stop."""

    def __init__(self, run: Event) -> None:
        super().__init__()
        self._run = run

    def is_set(self) -> bool:
        return super().is_set() or self._run.is_set()


class AutoPolicy:
    """One hole's race."""

    def __init__(
        self, runtime: ModelRuntime, hole: Hole, seconds: float, listen: Listener, stop: Event
    ) -> None:
        self._runtime, self._hole, self._listen, self._stop = runtime, hole, listen, stop
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._scope = _CancelScope(stop)
        self._lock = Lock()
        self._searching: Worker | None = None
        self._model: Future[HoleResult] | None = None
        self._blank: HoleResult | None = None

    def search(self, worker: Worker) -> HoleResult | None:
        """The first part, for which a Lean process is needed: a result that stands, or None when the model is to go on."""
        prefix = worker.chunks[: self._hole.chunk]
        blank, sorry = worker.inspect_hole(self._hole, prefix, self._scope)
        if sorry is None:
            return blank
        self._blank = blank
        if self._runtime.plan.policy == "model":
            self._start_model()
            return None
        timer = Timer(min(HEAD_START_SECONDS, self._seconds / 4), self._start_model)
        timer.daemon = True
        self._searching = worker
        timer.start()
        try:
            seconds = min(SEARCH_SECONDS, self._seconds)
            result = worker.search_both(self._hole, prefix, sorry, blank, seconds, self._listen, self._scope)
        finally:
            with self._lock:
                self._searching = None
            timer.cancel()
        if result.outcome in (Outcome.PROVED, Outcome.DISPROVED) or self._stop.is_set():
            with self._lock:
                self._scope.set()
            if self._model is not None:
                self._model.cancel()
            return result
        self._blank = result
        self._start_model()
        return None

    def model(self) -> HoleResult:
        """The second part: wait for the model. `search` has returned None before."""
        assert self._model is not None and self._blank is not None
        while not self._model.done():
            if self._stop.wait(_PAUSE):
                self._model.cancel()
        try:
            result = self._model.result()
        except CancelledError:
            return self._blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": "stopped"})
        return result if result.outcome is Outcome.PROVED else _merge_failures(result, self._blank)

    def _start_model(self) -> None:
        """Ask the model, if it has not been asked and is still wanted."""
        with self._lock:
            if self._model is not None or self._scope.is_set() or self._blank is None:
                return
            left = max(0.1, self._deadline - time.monotonic())
            blank = self._blank.model_copy(update={"outcome": Outcome.FAILED, "reason": None})
            self._model = self._runtime.begin(self._hole, blank, left)
        self._model.add_done_callback(self._on_model_done)

    def _on_model_done(self, future: Future[HoleResult]) -> None:
        """End the search when the model has a proof: the step that Lean is at is cut short."""
        with suppress(CancelledError):
            if future.result().outcome is Outcome.PROVED:
                with self._lock:
                    self._scope.set()
                    if self._searching is not None:
                        self._searching.repl.interrupt()


def _merge_failures(model: HoleResult, search: HoleResult) -> HoleResult:
    """What two failures come to; one that says nothing of the goal comes before one that does."""
    if search.reason is None:
        return model
    order = [Outcome.INFRASTRUCTURE, Outcome.TIMEOUT, Outcome.REJECTED, Outcome.FAILED]
    outcome = min(model.outcome, search.outcome, key=order.index)
    reason = f"the model: {model.reason}; the search: {search.reason}"
    return model.model_copy(update={"outcome": outcome, "reason": reason})
