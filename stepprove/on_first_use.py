"""An async context that the first user enters and all share, until its owner leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class OnFirstUse(Generic[T]):
    """Enters a context once, on first use. Leave it with `aclose` or `async with`; else it ends with its event loop.

    Args:
        make: makes the context; what it raises on entering, every user gets.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._ready: asyncio.Future[T] | None = None
        self._over: asyncio.Event | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def get(self) -> T:
        """Return what the context yields; raise what entering it raised."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._over = asyncio.Event()
            self._keeper = asyncio.create_task(self._keep(self._ready, self._over))
        return await asyncio.shield(self._ready)

    async def aclose(self) -> None:
        """Leave the context; harmless when repeated."""
        if self._keeper is not None and self._over is not None and not self._keeper.done():
            self._over.set()
            if self._ready is not None and not self._ready.done():
                self._keeper.cancel()  # it is still entering
            await asyncio.wait({self._keeper})

    async def _keep(self, ready: asyncio.Future[T], over: asyncio.Event) -> None:
        """Hold the context: the task that enters it must also leave it."""
        try:
            async with self._make() as value:
                ready.set_result(value)
                await over.wait()
        except BaseException as failure:
            if not ready.done():
                ready.set_exception(failure)
                ready.exception()  # a failure that nobody waits for is no warning
            elif not isinstance(failure, Exception):
                raise
