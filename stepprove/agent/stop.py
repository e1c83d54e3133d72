"""A flag that stops work: threads poll it, and an event loop is woken by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any, TypeVar

T = TypeVar("T")


class Stop(Event):
    """A threading event that calls its listeners when it is set.

    Args:
        above: a flag that sets this one too, for whoever polls.
    """

    def __init__(self, above: Event | None = None) -> None:
        super().__init__()
        self._above = above
        self._listeners: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Return whether the work is to stop."""
        return super().is_set() or (self._above is not None and self._above.is_set())

    def set(self) -> None:
        """Stop the work; a signal handler may call it."""
        super().set()
        for listener in tuple(self._listeners):
            listener()

    async def ends(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run a coroutine until this flag is set.

        Args:
            work: is cancelled when the flag is set.

        Returns:
            The coroutine's result; None if the flag ended it.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)

        def wake() -> None:
            loop.call_soon_threadsafe(task.cancel)

        self._listeners.append(wake)
        if self.is_set():
            task.cancel()
        try:
            await asyncio.wait({task})
        finally:
            self._listeners.remove(wake)
            task.cancel()
            await asyncio.wait({task})
        return None if task.cancelled() else task.result()
