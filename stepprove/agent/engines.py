"""The engines that a run's searches use, lent by a pool to one goal at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from stepprove.agent.retry import LOST, TRIES
from stepprove.lean_project.pool.loan import Loan
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl

T = TypeVar("T")


class Seat:
    """One engine, lent to one goal."""

    def __init__(self, loan: Loan, give_back: Callable[[Loan], None]) -> None:
        self._loan = loan
        self._give_back: Callable[[Loan], None] | None = give_back

    async def run(self, work: Callable[[Repl], T], stop: Event) -> T:
        """Do a piece of work on the engine; see `Loan.run`."""
        return await self._loan.run(work, stop)

    def end(self) -> None:
        """Give the engine back; harmless when repeated."""
        if self._give_back is not None:
            self._give_back(self._loan)
            self._give_back = None


class Engines:
    """The engines of a run.

    Args:
        pool: lends them.
        most: engines at a time.
        keep: keep each engine until `close`: what it has elaborated stays from one goal to the next, even where the text runs
            programs. False: the pool's other users get it between two goals.
    """

    def __init__(self, pool: Pool, most: int, *, keep: bool) -> None:
        self._pool, self._keep = pool, keep
        self._places: asyncio.LifoQueue[Loan | None] = asyncio.LifoQueue()
        for _ in range(most):
            self._places.put_nowait(None)

    async def borrow(self) -> Seat:
        """Wait for an engine.

        Raises:
            ReplFailure: the engine cannot be started.
            PoolFull, PoolClosed: the pool lends none.
        """
        loan = await self._places.get()
        try:
            return Seat(loan or await self._lent(), self._give_back)
        except BaseException:
            self._places.put_nowait(loan)
            raise

    def close(self) -> None:
        """Give the kept engines back to the pool."""
        while not self._places.empty():
            loan = self._places.get_nowait()
            if loan is not None:
                loan.end()

    def _give_back(self, loan: Loan) -> None:
        if not self._keep:
            loan.end()
        self._places.put_nowait(loan if self._keep else None)

    async def _lent(self) -> Loan:
        for _ in range(TRIES - 1):
            try:
                return await Loan.borrow(self._pool)
            except LOST:
                continue
        return await Loan.borrow(self._pool)
