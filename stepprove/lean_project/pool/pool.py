"""A pool of Lean REPL processes for asyncio; `SyncPool` is the same pool for plain code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.pool.results import Check, Ending, PoolClosed, PoolFull, PoolStats, unanswered
from stepprove.lean_project.pool.slot import HEADER_SECONDS, Job
from stepprove.lean_project.pool.sync_pool import SyncPool
from stepprove.lean_project.pool.work import lend_job
from stepprove.lean_project.repl.repl import Repl

__all__ = [
    "HEADER_SECONDS",
    "Check",
    "CheckRequest",
    "Ending",
    "Pool",
    "PoolClosed",
    "PoolFull",
    "PoolStats",
    "SyncPool",
    "VerifyRequest",
    "unanswered",
]

T = TypeVar("T")


class Pool(Lean):
    """`SyncPool` for asyncio: the same arguments, the same jobs.

    When a task is cancelled, the pool removes its job from the queue or kills its Lean. Other jobs continue.
    """

    def __init__(self, engine: Engine | Sequence[str], **options: Any) -> None:
        """Keep the arguments of `SyncPool`; the processes start on entering the context."""
        self._engine, self._options = engine, options
        self._pool: SyncPool | None = None

    @classmethod
    def over(cls, pool: SyncPool) -> Self:
        """The asyncio face of a `SyncPool`. The owner of `pool` closes it; do not enter this one's context."""
        lent = cls(pool._engine)
        lent._pool = pool
        return lent

    async def __aenter__(self) -> Self:
        self._pool = await asyncio.to_thread(SyncPool, self._engine, **self._options)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pool; see `SyncPool.close`."""
        if self._pool is not None:
            await asyncio.to_thread(self._pool.close)

    @property
    def sync(self) -> SyncPool:
        """The same pool for plain code in other threads. Raises PoolClosed before the context is entered."""
        if self._pool is None:
            raise PoolClosed("the pool has not been entered: use `async with Pool(...)`")
        return self._pool

    @property
    def stats(self) -> PoolStats:
        """The pool's counts so far."""
        return self.sync.stats

    async def run_check(self, request: CheckRequest) -> Check:
        """Do the job of `check`, whose arguments are already a request."""
        return await self._result(self.sync.check_job(request))

    async def run_verify(self, request: VerifyRequest) -> Judgement:
        """Do the job of `verify`, whose arguments are already a request."""
        return await self._result(self.sync.verify_job(request))

    async def run(self, work: Callable[[Repl], T], *, priority: int = 0) -> T:
        """Run `work` alone on one engine, in that engine's thread; see `SyncPool.run`."""
        return await self._result(lend_job(work, priority))

    async def check_all(
        self, codes: Iterable[str], *, header: str | None = None, timeout: float | None = None
    ) -> AsyncIterator[tuple[int, Check]]:
        """Check many texts and yield each one's index and result as it ends; see `SyncPool.check_all`."""
        ahead: dict[asyncio.Task[Check], int] = {}
        most = min(4 * self.stats.engines, self.sync.max_waiting)
        try:
            for place, code in enumerate(codes):
                ahead[asyncio.create_task(self.check(code, header=header, timeout=timeout))] = place
                while len(ahead) >= most:
                    for task in (await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED))[0]:
                        yield ahead.pop(task), task.result()
            while ahead:
                for task in (await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED))[0]:
                    yield ahead.pop(task), task.result()
        finally:
            for task in ahead:
                task.cancel()

    async def _result(self, job: Job[T]) -> T:
        pool = self.sync
        pool.submit(job)
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(pool.cancel, job))
            raise
