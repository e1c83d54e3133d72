"""The model's runtime in a run: an event loop in its own thread, the model's server, and a pool for its code.

The first hole for the model starts the runtime; the end of the run stops it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack
from threading import Lock

from anyio.from_thread import BlockingPortal, start_blocking_portal

from stepprove.agent.file.options import Listener, ProveOptions
from stepprove.agent.file.report import HoleResult
from stepprove.agent.models.model_attempts import HoleAttempts, ModelPlan
from stepprove.agent.trace.trace import Trace
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.repl.repl import ReplFailure
from stepprove.lean_project.source.file import Hole, SourceFile
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import Account
from stepprove.serving.client.client import Client, ModelFailure
from stepprove.serving.client.endpoint import serving


class ModelRuntime:
    """Runs model attempts beside the search; a synchronous context manager."""

    def __init__(
        self,
        plan: ModelPlan,
        engine: Engine,
        options: ProveOptions,
        source: SourceFile,
        listen: Listener,
        trace: Trace,
        say: Callable[[str], None] = lambda line: None,
        pool: SyncPool | None = None,
    ) -> None:
        self.plan = plan
        self._pool = pool
        self.account = Account(plan.budget, plan.prices)
        self._engine, self._options, self._source = engine, options, source
        self._listen, self._trace, self._say = listen, trace, say
        self._lock = Lock()
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._ready: asyncio.Future[tuple[Client, Pool]] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._over: asyncio.Event | None = None

    def __enter__(self) -> ModelRuntime:
        return self

    def __exit__(self, *_: object) -> None:
        if self._portal is not None:
            self._portal.call(self._end)
        self._stack.close()

    def begin(self, hole: Hole, blank: HoleResult, seconds: float) -> Future[HoleResult]:
        """Start the model on a hole.

        Args:
            hole: the hole.
            blank: a result that places it.
            seconds: the time limit.

        Returns:
            A future of the hole's result; cancel it to stop the attempts.
        """
        with self._lock:
            if self._portal is None:
                self._portal = self._stack.enter_context(start_blocking_portal())
        return self._portal.start_task_soon(self._work, hole, blank, seconds)

    async def _work(self, hole: Hole, blank: HoleResult, seconds: float) -> HoleResult:
        try:
            client, pool = await self._opened()
        except (ModelFailure, ReplFailure, OSError) as failure:
            reason = str(failure).rstrip(".")
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": reason})
        attempts = HoleAttempts(
            self.plan,
            client,
            pool,
            self._engine,
            self._options,
            self._source,
            hole,
            self._listen,
            self._trace,
        )
        return await attempts.run(blank, seconds)

    async def _opened(self) -> tuple[Client, Pool]:
        """Return the client and the pool, started once for all holes."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._over = asyncio.Event()
            self._serving = asyncio.create_task(self._serve(self._ready, self._over))
        return await asyncio.shield(self._ready)

    async def _serve(self, ready: asyncio.Future[tuple[Client, Pool]], over: asyncio.Event) -> None:
        """Keep the client and the pool open for the run: the task that enters them must also leave them."""
        try:
            async with AsyncExitStack() as stack:
                endpoint = await stack.enter_async_context(serving(self.plan.name, self._say))
                client = await stack.enter_async_context(
                    endpoint.client(account=self.account, retries=self.plan.retries)
                )
                if self._pool is not None:
                    pool = Pool.over(self._pool)
                else:
                    # Two at least: a search or a runaway sketch may occupy one while the other checks answers.
                    size = max(2, self._options.jobs)
                    pool = await stack.enter_async_context(Pool(self._engine, size=size))
                ready.set_result((client, pool))
                await over.wait()
        except BaseException as failure:
            if not ready.done():
                ready.set_exception(failure)

    async def _end(self) -> None:
        if self._serving is not None and self._over is not None:
            self._over.set()
            self._serving.cancel()  # it may still be starting
            await asyncio.wait([self._serving])
