"""One engine of a pool, lent for several pieces of work in a row, whose environments stay from one piece to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, Self, TypeVar

from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl

T = TypeVar("T")

_LOOK_SECONDS = 1.0
"""Seconds between two looks at the borrower's event loop, which may end without a word."""


class Loan:
    """One engine of a pool. `borrow` makes it; the borrower ends it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._repl: asyncio.Future[Repl] = loop.create_future()
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._job: asyncio.Task[None] | None = None

    @classmethod
    async def borrow(cls, pool: Pool) -> Self:
        """Wait for an engine of a pool.

        Raises:
            ReplFailure: the engine cannot be started.
            PoolFull, PoolClosed: the pool lends none.
        """
        loan = cls(asyncio.get_running_loop())
        loan._job = asyncio.create_task(pool.run(loan._serve))
        try:
            waiting: set[asyncio.Future[Any]] = {loan._repl, loan._job}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            loan._job.cancel()
            raise
        if not loan._repl.done():
            loan._job.result()
        return loan

    @property
    def repl(self) -> Repl:
        """The engine's REPL; only work given to `run` may send requests to it."""
        return self._repl.result()

    async def run(self, work: Callable[[Repl], T], stop: Event, *, within: float | None = None) -> T:
        """Do a piece of work in the engine's thread; its exceptions pass through.

        Args:
            work: receives the REPL.
            stop: is set when the caller is cancelled or the time is up; Lean is then killed, and the work must end soon.
            within: seconds; None: no limit. The result of work that was stopped in time still counts.
        """
        future: Future[T] = Future()
        repl = self.repl

        def piece() -> None:
            try:
                future.set_result(work(repl))
            except BaseException as failure:
                future.set_exception(failure)

        def end() -> None:
            stop.set()
            if not future.done():
                repl.interrupt()

        self._work.put(piece)
        ended = asyncio.wrap_future(future)
        try:
            await asyncio.wait({ended}, timeout=within)
            if not ended.done():
                end()
                await asyncio.wait({ended})
        except asyncio.CancelledError:
            end()
            await asyncio.wait({ended})
            ended.exception()  # the caller is gone, and so is its interest
            raise
        return ended.result()

    def end(self) -> None:
        """Give the engine back; harmless when repeated."""
        self._work.put(None)

    def _serve(self, repl: Repl) -> None:
        """Do the borrower's work in the engine's thread until the loan ends."""
        self._loop.call_soon_threadsafe(self._repl.set_result, repl)
        while True:
            try:
                piece = self._work.get(timeout=_LOOK_SECONDS)
            except Empty:
                if self._loop.is_closed():
                    return
                continue
            if piece is None:
                return
            piece()
