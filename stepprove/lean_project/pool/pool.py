"""Many Lean processes behind one door: who asks gets an answer, a time-out or a reason, exactly once.

`SyncPool` is for plain code and may be used from many threads; `Pool` is the same for asyncio. Each engine is a REPL process and
a thread of ours that serves one job at a time. The header of a text (its imports) is elaborated once in each process; a text
that begins like one before it is sent to the engine that has seen that one. A process that runs out of time, dies or grows too
big is replaced by one that was started before it was needed, and what it had elaborated is elaborated again when asked for.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

from stepprove.lean_project.engines.engine import NATIVE_MEMORY_LIMIT_MB, Engine
from stepprove.lean_project.gate.facts import Facts, facts_of
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.job_queue import JobQueue
from stepprove.lean_project.pool.prefix_cache import PrefixCache, common_prefix, divisible
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse, InfoTreeKind
from stepprove.lean_project.repl.repl import (
    Repl,
    ReplCrashed,
    ReplEnded,
    ReplFailure,
    ReplMemory,
    ReplTimeout,
)
from stepprove.lean_project.source.file import SourceFile, parse_source
from stepprove.outcome import Outcome

__all__ = ["Check", "Pool", "PoolClosed", "PoolFull", "PoolStats", "SyncPool"]

HEADER_SECONDS = 300.0
"""For the imports of a text, which are nobody's fault; Mathlib's take about 10 s from a cold disk."""

LEAST_SECONDS = 0.1
"""The shortest time that a job gets, whatever it asks for: a time-out costs an engine, and nobody may end engines at will."""

_LONGEST_PAUSE = 1.0
_MEMORY_INTERVAL = 0.25
"""Seconds between looks at a process's memory after its jobs."""

_SIMILAR = 64
"""Characters that a text must share with an earlier one to be worth sending to the same engine."""

Ending = Literal["answered", "timeout", "crashed", "memory", "ended"]
T = TypeVar("T")


class PoolFull(Exception):
    """Too many jobs wait already; try again later."""


class PoolClosed(Exception):
    """The pool was closed before the job was done."""


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one text."""

    outcome: Ending
    """Only "answered" and "ended" (the text ended its own Lean) say anything about the text."""
    answer: CommandResponse | ErrorResponse | None
    reason: str | None
    """Why there is no answer."""
    seconds: float
    """The engine's time, imports included, retries not."""
    waited_seconds: float
    engine: int
    """The number of the engine, from 0."""
    facts: Facts | None = None
    """What the text declares beyond its imports, if that was asked for and the engine can tell."""

    @property
    def unanswered(self) -> Outcome | None:
        """What it counts as that Lean gave no answer; None when it gave one."""
        return unanswered(self.outcome)


def unanswered(ending: str) -> Outcome | None:
    """What a check with this ending counts as where Lean gave no answer; None where it gave one."""
    if ending == "answered":
        return None
    return {"timeout": Outcome.TIMEOUT, "ended": Outcome.FAILED}.get(ending, Outcome.INFRASTRUCTURE)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What a pool has done so far."""

    engines: int
    waiting: int
    running: int
    answered: int = 0
    timeouts: int = 0
    crashes: int = 0
    """Jobs that ended without an answer because Lean died, retries included in none."""
    memory_kills: int = 0
    cancelled: int = 0
    refused: int = 0
    """Jobs that were turned away because too many waited."""
    retried: int = 0
    """Second and later attempts after a crash."""
    recycled: int = 0
    """Processes given up between two jobs because they had grown."""
    touched: int = 0
    """Processes given up between two jobs because a text had run a program in them."""
    replaced: int = 0
    """Processes given up for whatever reason."""
    header_hits: int = 0
    header_misses: int = 0
    prefix_hits: int = 0
    """Texts that were sent where a text with the same beginning had been."""
    busy_seconds: float = 0.0
    """Engine time spent on jobs."""
    waited_seconds: float = 0.0
    memory_mb: float = 0.0
    """Resident memory of all engines now, in MB (10**6 B)."""


@dataclass(eq=False)
class _Job(Generic[T]):
    work: Callable[[_Slot], T]
    text: str
    """What the engine will elaborate; empty where that is not known."""
    priority: int
    lost: Callable[[str, float, float, int], T] | None
    """The result when Lean dies under it for good, of the reason, seconds, seconds waited and engine. None: it is raised."""
    again: int = 0
    """How many more times it may be tried when Lean dies under it."""
    future: Future[T] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)
    passed_over: int = 0
    cancelled: bool = False
    slot: _Slot | None = None
    """Where it runs."""
    attempts: int = 0
    too_big: bool = False
    """Lean was stopped for its memory."""


class _Slot:
    """One engine of the pool: a REPL and what is known of its process."""

    def __init__(self, number: int, repl: Repl) -> None:
        self.number = number
        self.repl = repl
        self.doomed: Repl | None = None
        """The process that is ended because its job was cancelled."""
        self.job: _Job[Any] | None = None
        self.renewing = False
        self.looked = 0.0
        self.headers: OrderedDict[str, int] = OrderedDict()
        self.recent: deque[str] = deque(maxlen=2)
        self.pieces = PrefixCache()
        self.generation = repl.generation
        self.header_hits = self.header_misses = 0

    def take(self, repl: Repl) -> None:
        """Go on with another process."""
        self.repl = repl
        self._forget()

    def _forget(self) -> None:
        self.headers.clear()
        self.recent.clear()
        self.pieces.clear()
        self.generation = self.repl.generation

    def environment(self, header: str, timeout: float | None) -> int:
        """The environment that a header leaves. Raises ReplFailure."""
        if self.repl.generation != self.generation:
            self._forget()
        if header in self.headers:
            self.header_hits += 1
            self.headers.move_to_end(header)
            return self.headers[header]
        self.header_misses += 1
        answer = self.repl.command(header, timeout=max(timeout or 0.0, HEADER_SECONDS))
        if isinstance(answer, ErrorResponse):
            raise ReplFailure(answer.message)
        self.generation = self.repl.generation
        if not answer.has_errors:
            self.headers[header] = answer.env
        return answer.env

    def suits(self, job: _Job[Any]) -> int:
        """How many characters of a job's text this engine has lately seen."""
        return max((common_prefix(job.text, text) for text in self.recent), default=0) if job.text else 0


class SyncPool:
    """A pool of Lean engines for plain code; every method may be called from any thread.

    Args:
        engine: what to start: an engine of `toolchain.find_engine()`, or a command that speaks the REPL's protocol.
        size: how many processes; default: one for each core, as far as the free memory allows.
        timeout: seconds for a job's text, where the job sets none of its own. Imports are not counted.
        memory_limit_mb: resident memory (10**6 B) at which a process is killed in the middle of its job.
        recycle_mb: resident memory beyond which a process is replaced between two jobs: a REPL never frees its states.
        standby: processes that are started before they are needed.
        max_waiting: how many jobs may wait; more are refused (`PoolFull`).
        retries: how often a job is tried again whose process died without an answer. Time-outs and memory are not tried again.

    Raises:
        ReplFailure: the program cannot be started.
        ValueError: a number is too small.
    """

    def __init__(
        self,
        engine: Engine | Sequence[str],
        *,
        size: int | None = None,
        timeout: float = 60.0,
        memory_limit_mb: float | None = None,
        recycle_mb: float | None = None,
        standby: int = 1,
        max_waiting: int = 10_000,
        retries: int = 2,
    ) -> None:
        default = engine.memory_limit_mb if isinstance(engine, Engine) else NATIVE_MEMORY_LIMIT_MB
        self._limit = memory_limit_mb or default
        self._recycle = recycle_mb or 0.7 * self._limit
        if size is not None and size < 1:
            raise ValueError(f"a pool needs at least one engine, not {size}")
        if min(standby, retries) < 0 or max_waiting < 1 or not timeout > 0:
            raise ValueError(
                "standby and retries must not be negative, max_waiting and timeout must be above 0"
            )
        self._engine = engine
        self._timeout = timeout
        self._retries = retries
        self.max_waiting = max_waiting
        self._lock = threading.Condition()
        self._queue: JobQueue[_Job[Any]] = JobQueue(time.monotonic)
        self._closed = False
        self._stats = PoolStats(engines=0, waiting=0, running=0)
        self._spares: deque[Repl] = deque()
        self._wanted_spares = standby
        count = size or _affordable(self._recycle)
        self._slots = [_Slot(number, self._start()) for number in range(count)]
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), name=f"lean-{slot.number}", daemon=True)
            for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Jobs.

    def check(
        self,
        code: str,
        *,
        header: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
        all_tactics: bool = False,
        infotree: InfoTreeKind | None = None,
        facts: bool = False,
    ) -> Check:
        """Elaborate a text. What keeps Lean from answering is an outcome, never raised.

        Args:
            code: Lean source, with its imports unless `header` is given.
            header: imports that stand before `code`; elaborated once in each process.
            priority: a job of priority 1 comes before one of priority 0 that has waited up to 30 s longer.
            timeout: seconds for the text.
            all_tactics: list every tactic call.
            infotree: print the info trees, of this kind.
            facts: tell what the text declares and what each rests on, where the engine can be asked.

        Raises:
            PoolFull, PoolClosed: it was not tried.
        """
        job = self._check_job(code, header, priority, timeout, all_tactics, infotree, facts)
        return self._result(job)

    def verify(
        self,
        original: SourceFile,
        candidate: SourceFile,
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        targets: Collection[str] | None = None,
        prelude: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
    ) -> Judgement:
        """The trust gate's word on a candidate (see `verify.verify`): the candidate is elaborated whole, on one engine.

        `prelude` is elaborated in place of both texts' imports.

        Raises:
            PoolFull, PoolClosed: it was not tried.
            BrokenOriginal: Lean reports errors in the original.
        """
        return self._result(
            self._verify_job(original, candidate, policy, targets, prelude, priority, timeout)
        )

    def run(self, work: Callable[[Repl], T], *, priority: int = 0) -> T:
        """Have one engine to oneself; what `work` raises is raised here, and it is not tried again.

        Environments that `work` makes are gone when it ends; it sees to its own time-outs.

        Raises:
            PoolFull, PoolClosed: it was not tried.
        """
        return self._result(self._run_job(work, priority))

    def check_all(
        self, codes: Iterable[str], *, header: str | None = None, timeout: float | None = None
    ) -> Iterator[tuple[int, Check]]:
        """Check many texts, a few ahead of the engines at any time; gives each one's place and result as they end."""
        ahead: dict[Future[Check], int] = {}
        done: deque[Future[Check]] = deque()
        ready = threading.Semaphore(0)

        def note(future: Future[Check]) -> None:
            done.append(future)
            ready.release()

        def one() -> tuple[int, Check]:
            ready.acquire()
            future = done.popleft()
            return ahead.pop(future), future.result()

        for place, code in enumerate(codes):
            future = self._submit(self._check_job(code, header, 0, timeout, False, None, False)).future
            ahead[future] = place
            future.add_done_callback(note)
            while len(ahead) >= min(4 * len(self._slots), self.max_waiting):
                yield one()
        while ahead:
            yield one()

    @property
    def pids(self) -> list[int | None]:
        """The processes of the engines; None for one that is being replaced."""
        return [slot.repl.pid for slot in self._slots]

    @property
    def stats(self) -> PoolStats:
        """What has been done so far."""
        with self._lock:
            slots = list(self._slots)
            stats = replace(
                self._stats,
                engines=len(slots),
                waiting=len(self._queue),
                running=sum(slot.job is not None for slot in slots),
                header_hits=sum(slot.header_hits for slot in slots),
                header_misses=sum(slot.header_misses for slot in slots),
                prefix_hits=self._stats.prefix_hits + sum(slot.pieces.hits for slot in slots),
            )
        return replace(stats, memory_mb=sum(slot.repl.memory_mb() for slot in slots))

    def close(self) -> None:
        """Stop: running jobs are cut short, waiting ones end with PoolClosed, no process is left. Harmless when repeated."""
        with self._lock:
            self._closed = True
            for job in self._queue:
                self._queue.remove(job)
                _fail(job.future, PoolClosed("the pool was closed"))
            running = [slot.repl for slot in self._slots]
            spares, self._spares = list(self._spares), deque()
            self._lock.notify_all()
        for repl in [*running, *spares]:
            repl.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    # What the jobs do, in the thread of their engine.

    def _check_job(
        self,
        code: str,
        header: str | None,
        priority: int,
        timeout: float | None,
        all_tactics: bool,
        infotree: InfoTreeKind | None,
        facts: bool,
    ) -> _Job[Check]:
        seconds = self._seconds(timeout)

        def work(slot: _Slot) -> Check:
            started = time.monotonic()
            answer: CommandResponse | ErrorResponse | None = None
            outcome: Ending = "answered"
            reason = told = None
            try:
                answer = _elaborate(slot, code, header, seconds, all_tactics, infotree)
                if facts and slot.repl.supports_inspect and isinstance(answer, CommandResponse):
                    told = _facts(slot, code, header, answer, seconds)
            except ReplTimeout as late:
                outcome, reason = "timeout", str(late)
            except ReplEnded as ended:
                outcome, reason = "ended", str(ended)
            except ReplMemory as big:
                outcome, reason, job.too_big = "memory", str(big), True
            took = time.monotonic() - started
            return Check(outcome, answer, reason, took, started - job.arrived, slot.number, told)

        def lost(reason: str, took: float, waited: float, engine: int) -> Check:
            return Check("crashed", None, reason, took, waited, engine)

        job: _Job[Check] = _Job(work, (header or "") + code, priority, lost, self._retries)
        return job

    def _seconds(self, timeout: float | None) -> float:
        """How long a job may take. Raises ValueError."""
        seconds = self._timeout if timeout is None else timeout
        if not seconds > 0:
            raise ValueError(f"a time limit must be above 0, not {seconds!r}")
        return max(seconds, LEAST_SECONDS)

    def _verify_job(
        self,
        original: SourceFile,
        candidate: SourceFile,
        policy: Policy,
        targets: Collection[str] | None,
        prelude: str | None,
        priority: int,
        timeout: float | None,
    ) -> _Job[Judgement]:
        seconds = self._seconds(timeout)

        def work(slot: _Slot) -> Judgement:
            header = original.header if prelude is None else prelude
            env = slot.environment(header, seconds) if prelude is not None or original.imports else None
            crashes, generation = slot.repl.stats.crashes, slot.repl.generation
            judgement = verify(
                slot.repl, original, candidate, policy=policy, targets=targets, env=env, timeout=seconds
            )
            if judgement.outcome is Outcome.INFRASTRUCTURE:
                if slot.repl.stats.crashes > crashes:
                    raise ReplCrashed(judgement.reason or "Lean died", None, "")
                job.too_big = slot.repl.generation > generation
            return judgement

        def lost(reason: str, took: float, waited: float, engine: int) -> Judgement:
            return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=reason)

        job: _Job[Judgement] = _Job(work, original.text, priority, lost, self._retries)
        return job

    def _run_job(self, work: Callable[[Repl], T], priority: int) -> _Job[T]:
        return _Job(lambda slot: work(slot.repl), "", priority, None)

    # The line and the engines.

    def _submit(self, job: _Job[T]) -> _Job[T]:
        with self._lock:
            if self._closed:
                raise PoolClosed("the pool is closed")
            if len(self._queue) >= self.max_waiting:
                self._count(refused=1)
                raise PoolFull(f"{len(self._queue)} jobs are waiting, which is the limit")
            self._queue.add(job)
            self._lock.notify_all()
        return job

    def _result(self, job: _Job[T]) -> T:
        self._submit(job)
        try:
            return job.future.result()
        except BaseException:
            self._cancel(job)
            raise

    def _cancel(self, job: _Job[Any]) -> None:
        """Take a job out of the line, or the process from under it. Nothing happens to a job that has ended."""
        with self._lock:
            if job.future.done() and not job.future.cancelled():
                return
            if self._queue.remove(job):
                self._count(cancelled=1)
                job.future.cancel()
                return
            if job.slot is None or job.cancelled:
                return
            job.cancelled = True
            # The job may end by itself before its process does: no other is to be given to that.
            repl = job.slot.doomed = job.slot.repl
        repl.close()

    def _serve(self, slot: _Slot) -> None:
        while (job := self._next(slot)) is not None:
            started = time.monotonic()
            result: Any = None
            failure: BaseException | None = None
            try:
                self._renew(slot)
                slot.repl.wait_until_ready()
                started = time.monotonic()
                result = job.work(slot)
            except BaseException as error:
                failure = error
            self._end(slot, job, started, result, failure)
            with suppress(ReplFailure):  # the next job says so
                self._renew(slot)
        slot.repl.close()

    def _next(self, slot: _Slot) -> _Job[Any] | None:
        with self._lock:
            while not self._closed:
                if len(self._queue) and self._is_best(slot):
                    job = self._queue.take(slot.suits)
                    assert job is not None
                    job.slot, slot.job = slot, job
                    job.attempts += 1
                    self._count(prefix_hits=int(slot.suits(job) >= _SIMILAR))
                    return job
                self._lock.wait(_LONGEST_PAUSE)
            return None

    def _is_best(self, slot: _Slot) -> bool:
        """Whether this engine takes the next job, rather than another idle one that knows more of the beginning of its text."""
        idle = [other for other in self._slots if other.job is None and not other.renewing]
        if len(self._queue) >= len(idle):
            return True
        first = next(iter(self._queue))
        return max(idle, key=lambda other: (other.suits(first), other is slot)) is slot

    def _end(
        self, slot: _Slot, job: _Job[Any], started: float, result: Any, failure: BaseException | None
    ) -> None:
        """Give a job its result, or put it back into the line."""
        died = isinstance(failure, ReplFailure)
        took, waited = time.monotonic() - started, max(0.0, started - job.arrived)
        with self._lock:
            slot.job = job.slot = None
            self._count(busy_seconds=took)
            if job.cancelled:
                self._count(cancelled=1)
                job.future.cancel()
            elif died and self._closed:
                _fail(job.future, PoolClosed("the pool was closed"))
            elif died and job.attempts <= job.again:
                self._count(retried=1)
                job.priority += 1  # it has waited before
                self._queue.add(job)
            else:
                self._count(waited_seconds=waited, **_tally(job, result, failure))
                if failure is None:
                    slot.recent.append(job.text)
                    _settle(job.future, result)
                elif died and job.lost is not None:
                    _settle(job.future, job.lost(str(failure), took, waited, slot.number))
                else:
                    _fail(job.future, failure)
            self._lock.notify_all()

    def _renew(self, slot: _Slot) -> None:
        """Replace a process that is gone, has grown too big, or has run a program of the last job's."""
        grown, touched = False, slot.repl.ran_programs
        if slot.repl.alive and slot.repl is not slot.doomed and not touched:
            if time.monotonic() < slot.looked + _MEMORY_INTERVAL:
                return
            slot.looked = time.monotonic()
            if not (grown := slot.repl.memory_mb() > self._recycle):
                return
        with self._lock:
            if self._closed:
                return
            self._count(replaced=1, recycled=int(grown), touched=int(touched))
            spare = self._spares.popleft() if self._spares else None
            slot.renewing = True
            self._lock.notify_all()
        old = slot.repl
        try:
            fresh = spare or self._start()
            fresh.adopt_companion(old)
            slot.take(fresh)
        finally:
            slot.renewing = False
        old.close()
        self._stock()

    def _stock(self) -> None:
        """Have as many processes standing by as are wanted. This begins with the first loss: each takes memory."""
        while len(self._spares) < self._wanted_spares:
            try:
                spare = self._start()
            except ReplFailure:  # without one it only takes longer
                return
            with self._lock:
                if not self._closed:
                    self._spares.append(spare)
                    continue
            spare.close()
            return

    def _start(self) -> Repl:
        return Repl(self._engine, timeout=self._timeout, memory_limit_mb=self._limit)

    def _count(self, **more: float) -> None:
        self._stats = replace(
            self._stats, **{name: getattr(self._stats, name) + amount for name, amount in more.items()}
        )


class Pool:
    """`SyncPool` for asyncio: the same arguments, the same jobs.

    A job whose task is cancelled is taken out of the line, or its Lean is killed; other jobs notice nothing.
    """

    def __init__(self, engine: Engine | Sequence[str], **options: Any) -> None:
        """Take what `SyncPool` takes; the processes start on entering the context."""
        self._engine, self._options = engine, options
        self._pool: SyncPool | None = None

    @classmethod
    def over(cls, pool: SyncPool) -> Self:
        """A pool of plain code for asyncio; its owner closes it, and the context is not to be entered."""
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
        """Stop, as `SyncPool.close`."""
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
        """What has been done so far."""
        return self.sync.stats

    async def check(
        self,
        code: str,
        *,
        header: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
        all_tactics: bool = False,
        infotree: InfoTreeKind | None = None,
        facts: bool = False,
    ) -> Check:
        """Elaborate a text; see `SyncPool.check`."""
        return await self._result(
            self.sync._check_job(code, header, priority, timeout, all_tactics, infotree, facts)
        )

    async def verify(
        self,
        original: SourceFile,
        candidate: SourceFile,
        *,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        targets: Collection[str] | None = None,
        prelude: str | None = None,
        priority: int = 0,
        timeout: float | None = None,
    ) -> Judgement:
        """The trust gate's word on a candidate; see `SyncPool.verify`."""
        return await self._result(
            self.sync._verify_job(original, candidate, policy, targets, prelude, priority, timeout)
        )

    async def run(self, work: Callable[[Repl], T], *, priority: int = 0) -> T:
        """Have one engine to oneself, in a thread of its own; see `SyncPool.run`."""
        return await self._result(self.sync._run_job(work, priority))

    async def check_all(
        self, codes: Iterable[str], *, header: str | None = None, timeout: float | None = None
    ) -> AsyncIterator[tuple[int, Check]]:
        """Check many texts, a few ahead of the engines at any time; gives each one's place and result as they end."""
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

    async def _result(self, job: _Job[T]) -> T:
        pool = self.sync
        pool._submit(job)
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(pool._cancel, job))
            raise


def _elaborate(
    slot: _Slot,
    code: str,
    header: str | None,
    seconds: float,
    all_tactics: bool,
    infotree: InfoTreeKind | None,
) -> CommandResponse | ErrorResponse:
    repl, plain = slot.repl, not all_tactics and infotree is None
    env = None if header is None else slot.environment(header, seconds)
    if repl.supports_inspect or not plain:
        return repl.command(code, env, all_tactics=all_tactics, infotree=infotree, timeout=seconds)
    source = parse_source(code)
    if not divisible(source):
        return repl.command(code, env, timeout=seconds)
    if header is None:
        env = slot.environment(source.header, seconds) if source.imports else None
        if (
            source.imports and source.header not in slot.headers
        ):  # its imports fail: Lean says so of the whole
            return repl.command(code, timeout=seconds)
    return slot.pieces.elaborate(repl, source, env, seconds)


def _facts(slot: _Slot, code: str, header: str | None, answer: CommandResponse, seconds: float) -> Facts:
    """What a text declares beyond its imports."""
    imports = parse_source(code).header if header is None else header
    before = CommandResponse(env=slot.environment(imports, seconds))
    return facts_of(slot.repl, imports, before, code, answer, timeout=seconds)


def _tally(job: _Job[Any], result: Any, failure: BaseException | None) -> dict[str, int]:
    """What a job that has ended counts as."""
    outcome = getattr(result, "outcome", None)
    if job.too_big or isinstance(failure, ReplMemory):
        return {"memory_kills": 1}
    if outcome in ("timeout", Outcome.TIMEOUT):
        return {"timeouts": 1}
    return {"crashes": 1} if isinstance(failure, ReplFailure) else {"answered": 1}


def _settle(future: Future[T], result: T) -> None:
    with suppress(InvalidStateError):
        future.set_result(result)


def _fail(future: Future[Any], failure: BaseException) -> None:
    with suppress(InvalidStateError):
        future.set_exception(failure)


def _affordable(megabytes: float) -> int:
    """How many processes of a size this machine has cores and memory for, one at least."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, int(0.8 * memory / (megabytes * 1e6))))
