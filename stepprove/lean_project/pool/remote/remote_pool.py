"""A pool of `stepprove lean-server`s on other machines, with the two methods that proving and training use.

A job goes to the server with the lowest load for its engines. After a failure or an unusable answer the pool avoids a server for
a while, longer each time, and tries its jobs elsewhere. A job that no server answers is an infrastructure failure, never a
verdict. `remote_http.py` sends the requests, and `remote_answers.py` decides which answers count.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.job_queue import JobQueue
from stepprove.lean_project.pool.remote.answers import (
    UnusableAnswer,
    judgement_of,
    lean_words,
    read_answer,
    response_of,
)
from stepprove.lean_project.pool.remote.http import Busy, LeanHttp, NoLeanServer, Refused, pause_after
from stepprove.lean_project.pool.remote.models import CheckAnswer, Health, VerifyAnswer
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.pool.results import Check, PoolClosed
from stepprove.lean_project.pool.slot import HEADER_SECONDS
from stepprove.outcome import Outcome

__all__ = ["NoLeanServer", "RemotePool"]

TRIES = 4
"""How often the pool sends a job that gets no answer, since the job itself may crash the servers."""

_AHEAD = 2
"""Jobs at a server for each of its engines: one runs and one waits."""
_HEARTBEAT = 15.0
"""Seconds between health checks of a server that is up; after two missed checks the pool treats it as frozen."""

_CHECK_CALLS, _VERIFY_CALLS = 2, 4
"""The most engine calls of a job; each may take the job's time limit."""
_TURNS = 6
"""How often this may happen before a server answers: a server tries a job whose Lean dies three times, and one before it too."""

T = TypeVar("T")


@dataclass(eq=False)
class _Server:
    url: str
    health: Health
    first_engine: int
    """The index of its first engine among the engines of all servers."""
    places: int
    """The most jobs in flight there."""
    under_way: int = 0
    up: bool = True
    up_since: float = field(default_factory=time.monotonic)
    fell: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    """Failures since its last answer."""
    pause: float = 0.0
    """Seconds for which the pool avoids it while it is not up."""
    clocks: set[asyncio.Timeout] = field(default_factory=set)
    """The time-outs of the requests in flight."""


@dataclass(eq=False)
class _Waiting:
    """A job that waits for a place at a server."""

    priority: int
    failed_at: set[_Server]
    """Servers that failed to answer it."""
    place: asyncio.Future[_Server]
    passed_over: int = 0


class RemotePool(Lean):
    """Lean servers as one pool; an async context manager for one event loop.

    Args:
        urls: the servers' addresses, without a path.
        api_key: their API key; None: they need none.
        timeout: seconds for a job's text, unless the job sets its own. A server may allow less.
        patience: seconds for which a job waits while no server is up or accepts it.
        at_once: jobs in flight at each address; default: two for each engine there. Set it for a load balancer, which reports
            the engines of one machine alone.

    Raises:
        NoLeanServer: on entering: a server does not answer or refuses the key, or the servers have different Leans.
    """

    def __init__(
        self,
        urls: Sequence[str],
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        patience: float = 300.0,
        at_once: int | None = None,
    ) -> None:
        self._urls = tuple(dict.fromkeys(url.rstrip("/") for url in urls))
        if not self._urls or (at_once is not None and at_once < 1) or not patience > 0:
            raise ValueError("a server is needed, and patience and at_once must be above 0")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be a finite number of seconds above 0, not {timeout!r}")
        self._key = api_key
        self._timeout, self._patience, self._at_once = timeout, patience, at_once
        self._servers: tuple[_Server, ...] = ()
        self._queue: JobQueue[_Waiting] = JobQueue(time.monotonic)
        self._watchers: list[asyncio.Task[None]] = []
        self._silent_since: float | None = None
        """When the last server went down; None while one is up."""
        self._last_words = ""
        """The message of the last server that failed."""
        self._http: LeanHttp | None = None

    async def __aenter__(self) -> Self:
        self._http = http = LeanHttp(self._key)
        try:
            requests = [asyncio.ensure_future(http.health(url)) for url in self._urls]
            healths = [await request for request in requests]
            for url, health in zip(self._urls, healths, strict=True):
                if lean_words(health) != lean_words(healths[0]):
                    raise NoLeanServer(
                        f"The Lean servers differ: {self._urls[0]} has {lean_words(healths[0])}, "
                        f"{url} has {lean_words(health)}."
                    )
        except BaseException:
            await self.aclose()
            raise
        first = 0
        for url, health in zip(self._urls, healths, strict=True):
            places = self._at_once or max(1, _AHEAD * health.engines)
            self._servers += (_Server(url, health, first, places),)
            first += health.engines
        self._watchers = [asyncio.create_task(self._watch(http, server)) for server in self._servers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pool: jobs raise PoolClosed, and the servers drop theirs. Harmless when repeated."""
        http, self._http = self._http, None
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for job in self._queue:
            self._queue.remove(job)
            job.place.set_exception(PoolClosed("the pool was closed"))
        for server in self._servers:
            _give_up(server)
        if http is not None:
            await http.aclose()

    @property
    def servers(self) -> Mapping[str, Health]:
        """Each server's first health report, by address; empty before the context is entered."""
        return {server.url: server.health for server in self._servers}

    @property
    def lean_version(self) -> str:
        """The version of the servers' Lean. Raises PoolClosed before the context is entered."""
        if not self._servers:
            raise _not_entered()
        return self._servers[0].health.lean

    async def run_check(self, request: CheckRequest) -> Check:
        """Do the job of `check`. A text that no server answers ends as `crashed`, on engine -1.

        The numbers of environments and proof states in the answer are of no use here.
        """
        started = time.monotonic()

        def read(server: _Server, body: bytes, content: bytes) -> Check:
            answer = read_answer(CheckAnswer, content, request=body, lean=lean_words(server.health))
            waited = max(0.0, time.monotonic() - started - answer.seconds)
            return Check(
                answer.outcome,
                response_of(answer),
                answer.reason,
                answer.seconds,
                waited,
                server.first_engine + answer.engine,
                answer.facts,
            )

        try:
            return await self._ask("/pool/check", request, _CHECK_CALLS, read)
        except UnusableAnswer as failure:
            return Check("crashed", None, str(failure), 0.0, time.monotonic() - started, -1)

    async def run_verify(self, request: VerifyRequest) -> Judgement:
        """Do the job of `verify`. A candidate that no server judges ends as INFRASTRUCTURE."""

        def read(server: _Server, body: bytes, content: bytes) -> Judgement:
            answer = read_answer(VerifyAnswer, content, request=body, lean=lean_words(server.health))
            return judgement_of(answer, request.policy, request.targets)

        try:
            return await self._ask("/pool/verify", request, _VERIFY_CALLS, read)
        except UnusableAnswer as failure:
            return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=str(failure))

    # A job, from server to server.

    async def _ask(
        self,
        path: str,
        request: CheckRequest | VerifyRequest,
        calls: int,
        read: Callable[[_Server, bytes, bytes], T],
    ) -> T:
        """Send a request to one server after another until one answers. Raises UnusableAnswer."""
        limit = self._timeout if request.timeout is None else request.timeout
        body = request.model_copy(update={"timeout": limit}).model_dump_json().encode()
        seconds = HEADER_SECONDS + _TURNS * calls * limit
        tries = 0
        failed_at: set[_Server] = set()
        refused: float | None = None
        while True:
            server = await self._place(request.priority, failed_at)
            began = time.monotonic()
            try:
                answer = read(server, body, await self._post(server, path, body, seconds))
                server.failures = 0
                return answer
            except UnusableAnswer as failure:
                why = f"{server.url}: {failure}"
                if isinstance(failure, Refused):
                    raise UnusableAnswer(why) from None
                if isinstance(failure, Busy):
                    refused = refused or began
                    self._set_aside(server, began, why, failure.pause)
                else:
                    tries += 1
                    failed_at.add(server)
                    self._set_aside(server, began, why)
                if tries == TRIES or (refused is not None and time.monotonic() - refused > self._patience):
                    raise UnusableAnswer(why) from None
            finally:
                server.under_way -= 1
                self._hand_out()

    async def _post(self, server: _Server, path: str, body: bytes, seconds: float) -> bytes:
        """Send a request and return the body of the answer. Raises UnusableAnswer."""
        if (http := self._http) is None:
            raise PoolClosed("the pool was closed")
        clock = asyncio.timeout(seconds)
        server.clocks.add(clock)
        try:
            return await http.post(server.url + path, body, clock)
        except UnusableAnswer:
            if self._http is None:
                raise PoolClosed("the pool was closed") from None
            raise
        finally:
            server.clocks.discard(clock)

    async def _place(self, priority: int, failed_at: set[_Server]) -> _Server:
        """Wait for a place at a server. Raises UnusableAnswer if none has been up for too long."""
        if self._http is None:
            raise _not_entered()
        arrived = time.monotonic()
        job = _Waiting(priority, failed_at, asyncio.get_running_loop().create_future())
        self._queue.add(job)
        self._hand_out()
        try:
            while not job.place.done():
                left = self._patience
                if self._silent_since is not None:
                    left += max(arrived, self._silent_since) - time.monotonic()
                if left <= 0:
                    raise UnusableAnswer(
                        f"no Lean server has been up for {self._patience:g} seconds; {self._last_words}"
                    )
                await asyncio.wait({job.place}, timeout=left)
            return job.place.result()
        except BaseException:
            if not self._queue.remove(job) and job.place.exception() is None:
                job.place.result().under_way -= 1
                self._hand_out()
            raise

    def _hand_out(self) -> None:
        """Give free places to waiting jobs; a job returns to a server that failed it only if no other server is up."""
        for job in self._queue:
            free = [s for s in self._servers if s.up and s.under_way < s.places]
            if not free:
                return
            if any(s.up and s not in job.failed_at for s in self._servers):
                free = [s for s in free if s not in job.failed_at]
            if free:
                self._queue.remove(job)
                server = min(free, key=lambda s: s.under_way / s.places)
                server.under_way += 1
                job.place.set_result(server)

    # The servers.

    def _set_aside(self, server: _Server, began: float, why: str, pause: float | None = None) -> None:
        """Avoid a server after a failed request, unless the server has recovered since the request `began`."""
        if not server.up or began < server.up_since:
            return
        self._last_words = why
        if pause is None:
            server.failures += 1
            pause = pause_after(server.failures)
        server.up, server.pause = False, pause
        server.fell.set()
        if not any(other.up for other in self._servers):
            self._silent_since = time.monotonic()

    async def _watch(self, http: LeanHttp, server: _Server) -> None:
        """Check a server's health regularly, and use the server again once it answers."""
        missed = 0
        while True:
            if server.up:
                # Not `wait_for`, which in Python 3.11 loses a cancellation that comes together with the result.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_HEARTBEAT):
                        await server.fell.wait()
            if not server.up:
                await asyncio.sleep(server.pause)
            try:
                health = await http.health(server.url)
                if lean_words(health) != lean_words(server.health):
                    raise NoLeanServer(f"The Lean server at {server.url} has {lean_words(health)} now.")
            except NoLeanServer as wrong:
                missed += 1
                if not server.up:
                    self._last_words = str(wrong)
                    server.failures += 1
                    server.pause = pause_after(server.failures)
                elif missed == 2:
                    self._set_aside(server, time.monotonic(), str(wrong))
                    _give_up(server)
                continue
            missed = 0
            if not server.up:
                server.up, server.up_since, self._silent_since = True, time.monotonic(), None
                server.fell.clear()
                self._hand_out()


def _give_up(server: _Server) -> None:
    """End the requests in flight at a server."""
    for clock in server.clocks:
        if not clock.expired():
            clock.reschedule(asyncio.get_running_loop().time())


def _not_entered() -> PoolClosed:
    return PoolClosed("the pool is closed, or was not entered: use `async with RemotePool(...)`")
