"""The policy `auto`: run the search and the model on one hole; the first proof cancels the other.

The search starts first. The model joins after a head start and continues alone when the search gives up.
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
"""Seconds before the model starts; the search proves most of its holes within them."""
SEARCH_SECONDS = 60.0
"""The most seconds of search on a hole beside a model."""
_PAUSE = 0.05


class _CancelScope(Event):
    """Cancels the work on one hole; also set when the whole run is cancelled."""

    def __init__(self, run: Event) -> None:
        super().__init__()
        self._run = run

    def is_set(self) -> bool:
        return super().is_set() or self._run.is_set()


class AutoPolicy:
    """The search and the model on one hole."""

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
        """Run the search, which needs a Lean process.

        Returns:
            The final result, or None if `model` must finish the hole.
        """
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
        """Wait for the model after `search` has returned None."""
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
        """Start the model unless it runs already or the hole is decided."""
        with self._lock:
            if self._model is not None or self._scope.is_set() or self._blank is None:
                return
            left = max(0.1, self._deadline - time.monotonic())
            blank = self._blank.model_copy(update={"outcome": Outcome.FAILED, "reason": None})
            self._model = self._runtime.begin(self._hole, blank, left)
        self._model.add_done_callback(self._on_model_done)

    def _on_model_done(self, future: Future[HoleResult]) -> None:
        """Cancel the search when the model has a proof, and interrupt its Lean process."""
        with suppress(CancelledError):
            if future.result().outcome is Outcome.PROVED:
                with self._lock:
                    self._scope.set()
                    if self._searching is not None:
                        self._searching.repl.interrupt()


def _merge_failures(model: HoleResult, search: HoleResult) -> HoleResult:
    """Merge two failures: infrastructure > timeout > rejected > failed."""
    if search.reason is None:
        return model
    order = [Outcome.INFRASTRUCTURE, Outcome.TIMEOUT, Outcome.REJECTED, Outcome.FAILED]
    outcome = min(model.outcome, search.outcome, key=order.index)
    reason = f"the model: {model.reason}; the search: {search.reason}"
    return model.model_copy(update={"outcome": outcome, "reason": reason})
