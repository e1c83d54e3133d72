"""A pool of Lean REPL processes for plain code, with time-outs, retries and memory limits.

Each engine is one REPL process and one thread, which serves one job at a time. A process elaborates each header (the imports of a
text) once. The pool sends a text to the engine that has elaborated the longest prefix of it. A process that runs out of time,
dies or grows too big gives way to a standby process; the new one elaborates headers again when a job needs them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self, TypeVar

from stepprove.lean_project.engines.engine import NATIVE_MEMORY_LIMIT_MB, Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.backend import AnyPool
from stepprove.lean_project.pool.job_queue import JobQueue
from stepprove.lean_project.pool.recycling import RECYCLE_SHARE, due_replacement
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.pool.results import Check, PoolClosed, PoolFull, PoolStats
from stepprove.lean_project.pool.slot import Job, Slot
from stepprove.lean_project.pool.work import check_job, lend_job, verify_job
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplMemory
from stepprove.outcome import Outcome

__all__ = ["SyncPool"]

LEAST_SECONDS = 0.1
"""The least time for a job: a time-out costs an engine, so no caller may force time-outs at will."""

_LONGEST_PAUSE = 1.0

_SIMILAR = 64
"""Characters that a text must share with an earlier one for the pool to prefer that engine."""

T = TypeVar("T")


class SyncPool(AnyPool[Check, Judgement]):
    """A pool of Lean engines for plain code; every method may be called from any thread.

    Args:
        engine: an engine of `find_engine()`, or a command that speaks the REPL's protocol.
        size: number of processes; default: one for each core, as far as the memory allows.
        timeout: seconds for a job's text, unless the job sets its own; imports do not count.
        memory_limit_mb: resident memory (10**6 B) at which the pool kills a process in the middle of its job; default:
            `Engine.memory_limit_mb`.
        recycle_mb: resident memory (10**6 B) beyond which the pool replaces a process between two jobs, since a REPL never
            frees its states; default: 70 % of the limit.
        standby: number of processes to start before a loss needs them.
        max_waiting: number of jobs that may wait; the pool refuses more (`PoolFull`).
        retries: how often the pool retries a job whose process died without an answer. It never retries time-outs or memory.

    Raises:
        ReplFailure: the program cannot start.
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
        self._recycle = recycle_mb or RECYCLE_SHARE * self._limit
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
        self._queue: JobQueue[Job[Any]] = JobQueue(time.monotonic)
        self._closed = False
        self._stats = PoolStats(engines=0, waiting=0, running=0)
        self._spares: deque[Repl] = deque()
        self._wanted_spares = standby
        count = size or _affordable(self._recycle)
        self._slots = [Slot(number, self._start()) for number in range(count)]
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

    def run_check(self, request: CheckRequest) -> Check:
        """Do the job of `check`, whose arguments are already a request."""
        return self._result(self.check_job(request))

    def run_verify(self, request: VerifyRequest) -> Judgement:
        """Do the job of `verify`, whose arguments are already a request."""
        return self._result(self.verify_job(request))

    def run(self, work: Callable[[Repl], T], *, priority: int = 0) -> T:
        """Run `work` alone on one engine, without retries; exceptions of `work` pass through.

        `work` sets its own time-outs. Its environments are lost when it ends.

        Raises:
            PoolFull, PoolClosed: the pool did not try it.
        """
        return self._result(lend_job(work, priority))

    def check_all(
        self, codes: Iterable[str], *, header: str | None = None, timeout: float | None = None
    ) -> Iterator[tuple[int, Check]]:
        """Check many texts and yield each one's index and result as it ends; at most 4 texts for each engine are in flight."""
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
            request = CheckRequest(code=code, header=header, timeout=timeout)
            future = self.submit(self.check_job(request)).future
            ahead[future] = place
            future.add_done_callback(note)
            while len(ahead) >= min(4 * len(self._slots), self.max_waiting):
                yield one()
        while ahead:
            yield one()

    @property
    def pids(self) -> list[int | None]:
        """The engines' process ids; None for a process that the pool is replacing."""
        return [slot.repl.pid for slot in self._slots]

    @property
    def stats(self) -> PoolStats:
        """The pool's counts so far."""
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
        """End running jobs and every process; waiting jobs raise PoolClosed. Harmless when repeated."""
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

    # For `Pool`, which waits for a job in its own way.

    def check_job(self, request: CheckRequest) -> Job[Check]:
        """A job that is not yet in the queue; see `submit`."""
        return check_job(request, self._seconds(request.timeout), self._retries)

    def verify_job(self, request: VerifyRequest) -> Job[Judgement]:
        """A job that is not yet in the queue; see `submit`."""
        return verify_job(request, self._seconds(request.timeout), self._retries)

    def _seconds(self, timeout: float | None) -> float:
        """The time limit of a job, in seconds."""
        return max(self._timeout if timeout is None else timeout, LEAST_SECONDS)

    # The queue and the engines.

    def submit(self, job: Job[T]) -> Job[T]:
        """Put a job into the queue. Raises PoolFull, PoolClosed."""
        with self._lock:
            if self._closed:
                raise PoolClosed("the pool is closed")
            if len(self._queue) >= self.max_waiting:
                self._count(refused=1)
                raise PoolFull(f"{len(self._queue)} jobs are waiting, which is the limit")
            self._queue.add(job)
            self._lock.notify_all()
        return job

    def _result(self, job: Job[T]) -> T:
        self.submit(job)
        try:
            return job.future.result()
        except BaseException:
            self.cancel(job)
            raise

    def cancel(self, job: Job[Any]) -> None:
        """Remove a job from the queue, or kill the process that runs it. A job that has ended stays as it is."""
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
            # The job may end before its process does; the doomed process must get no other job.
            repl = job.slot.doomed = job.slot.repl
        repl.close()

    def _serve(self, slot: Slot) -> None:
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

    def _next(self, slot: Slot) -> Job[Any] | None:
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

    def _is_best(self, slot: Slot) -> bool:
        """Whether this engine takes the next job, and no other idle engine has a longer prefix of its text."""
        idle = [other for other in self._slots if other.job is None and not other.renewing]
        if len(self._queue) >= len(idle):
            return True
        first = next(iter(self._queue))
        return max(idle, key=lambda other: (other.suits(first), other is slot)) is slot

    def _end(
        self, slot: Slot, job: Job[Any], started: float, result: Any, failure: BaseException | None
    ) -> None:
        """Give a job its result, or put it back into the queue."""
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

    def _renew(self, slot: Slot) -> None:
        """Replace a process where that is due; see `recycling.py`."""
        due = due_replacement(slot, self._recycle)
        if due is None:
            return
        with self._lock:
            if self._closed:
                return
            self._count(replaced=1, recycled=int(due.grown), touched=int(due.touched))
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
        """Start standby processes. The pool does so only after the first loss, since each takes memory."""
        while len(self._spares) < self._wanted_spares:
            try:
                spare = self._start()
            except ReplFailure:  # without a standby the next loss only takes longer
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


def _tally(job: Job[Any], result: Any, failure: BaseException | None) -> dict[str, int]:
    """The count that a job increments at its end."""
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
    """How many processes of this size the machine's cores and memory allow, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, int(0.8 * memory / (megabytes * 1e6))))
