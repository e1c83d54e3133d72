"""One Lean process behind a `Repl`: start, exchange of JSON objects, time-outs, memory limits, loss and replacement.

Each answer of the embedded engine carries its request's token, which no Lean code can see, and the number of programs that the
interpreter has run. A text that ran a program may shape every later answer; `renew_after_programs` replaces such a process. The
native engine has one open gap: Lean code can open /proc/self/fd/1 and print a false answer. An answer without a request ends the
process, but a false answer in place of the true one looks the same; the trust gate has to catch it.
"""

from __future__ import annotations

import math
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import orjson

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.messages import is_out_of_memory
from stepprove.lean_project.repl.answers import (
    excerpt,
    holds_an_answer,
    how_it_ended,
    quoted_stderr,
    read_answer,
    read_signed,
)
from stepprove.lean_project.repl.errors import (
    ReplClosed,
    ReplCrashed,
    ReplEnded,
    ReplFailure,
    ReplMemory,
    ReplProtocolError,
    ReplTimeout,
)
from stepprove.lean_project.repl.host_files import on_host
from stepprove.lean_project.repl.limits import Limits, above_zero
from stepprove.lean_project.repl.state_ids import StateIds
from stepprove.process import Child, ChildDied, ChildSilent, ChildTooBig, ChildTooLoud

__all__ = ["ReplProcess", "ReplStats"]

# Every REPL refuses this request at once and keeps no trace of it; its answer shows that the process is ready.
_PROBE = b'{"tactic": "skip", "proofState": 4294967295}'

# Seconds between two memory checks after answers; a quicker tactic cannot do much harm.
_MEMORY_INTERVAL = 0.1

# The exit statuses of a Lean that the code itself ended (see embedded/runtime/ended.cjs), without and with a sandbox between.
_ENDED_BY_CODE = (-signal.SIGUSR2, 128 + signal.SIGUSR2)


@dataclass(frozen=True, slots=True)
class ReplStats:
    """The counts of one `Repl`."""

    commands: int
    """Requests that Lean answered."""
    timeouts: int
    crashes: int
    """Processes that died or broke the protocol."""
    restarts: int
    """Processes given up for any reason."""
    seconds: float
    """Time spent waiting for answers, without start-up."""


class ReplProcess:
    """A Lean process that answers JSON objects and restarts after a failure; `Repl` is its typed form.

    Args:
        engine: an engine, or a command that speaks the protocol.
        limits: the limits of each process.
        standby: keep a second process started.

    Raises:
        ReplFailure: the program cannot start.
        ValueError: the command is empty, or no list.
    """

    def __init__(self, engine: Engine | Sequence[str], limits: Limits, standby: bool) -> None:
        if isinstance(engine, str) or not engine:
            raise ValueError(f"the command must be a list of the program and its arguments, not {engine!r}")
        self.engine = engine
        """The engine, or the command, of the processes."""
        self._engine = (
            engine
            if isinstance(engine, Engine)
            else Engine(kind="native", command=tuple(engine), cwd=None, lean_version="unknown")
        )
        self.supports_inspect = self._engine.supports_inspect
        """Whether the process answers our own requests beside the community REPL's; see `Engine.supports_inspect`."""
        self.elaborated: dict[tuple[str, ...], int] = {}
        """Environments of the present process by the texts that led to them, for callers that send the same texts again."""
        self._limits = limits
        self._wants_standby = standby
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._caller: int | None = None  # the thread that is in a call
        self._closed = False
        self._commands = self._timeouts = self._crashes = self._generation = 0
        self._seconds = 0.0
        self._states = StateIds()
        self._outgrown = ""  # why the process was killed after its last answer
        self._ready = False
        self._standby: Child | None = None
        self._child: Child | None = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, payload: Mapping[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Send any JSON object and return the JSON object that answers it.

        Raises:
            ReplFailure: there is no answer; see the subclasses.
            ValueError: the payload cannot be written as JSON.
        """
        answer, _ = self._exchange(payload, timeout)
        return answer

    # The process.

    @property
    def generation(self) -> int:
        """The number of processes given up so far, whose states are lost.

        The next request counts a process that ended by itself between two requests, or was too big after one.
        """
        return self._generation

    @property
    def stats(self) -> ReplStats:
        """The counts so far."""
        return ReplStats(self._commands, self._timeouts, self._crashes, self._generation, self._seconds)

    @property
    def pid(self) -> int | None:
        """The id of the present process; None between a loss and the next request."""
        return None if self._child is None else self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the present process is running; it may still die before the next request."""
        child = self._child
        return child is not None and child.is_running()

    def memory_mb(self) -> float:
        """Return the resident memory of Lean and its descendants, in MB (10**6 B), without the standby."""
        child = self._child
        return 0.0 if child is None else child.memory_mb()

    @property
    def ran_programs(self) -> bool:
        """Whether a text has run a program in the present process, and so may shape its answers.

        Always false for an engine that does not report programs.
        """
        child = self._child
        return child is not None and child.programs > 0

    def renew_after_programs(self) -> None:
        """Replace the process if a text has run a program in it; environments and proof states are then lost.

        Call this between texts that must not affect each other.
        """
        if self.ran_programs:
            self.restart()

    def wait_until_ready(self) -> None:
        """Wait until Lean accepts requests; each request does so itself.

        Raises:
            ReplFailure: Lean died, or did not become ready in time.
        """
        with self._claimed():
            self._notice_death()
            self._ready_child()

    def keep_standby(self) -> None:
        """From the next answer on, keep a second process started, as with `standby=True`."""
        self._wants_standby = True

    def restart(self) -> None:
        """Replace the process by the standby or a new one, without waiting until that is ready."""
        with self._claimed():
            if self._child is not None:
                self._lose(self._child, "restart() was called")
            self._child = self._replacement()

    def interrupt(self) -> None:
        """Kill Lean during a call in another thread: that call raises ReplCrashed, and the next call starts a new process."""
        child = self._child
        if child is not None:
            child.interrupt()

    def close(self) -> None:
        """Kill Lean and the standby; harmless when repeated.

        A call that is waiting in another thread raises `ReplClosed`.
        """
        self._closed = True
        for child in (self._child, self._standby):
            if child is not None:
                child.interrupt()
        # If a signal handler closes the Repl within a call, that call cleans up as it unwinds.
        if self._caller != threading.get_ident():
            with self._lock:
                self._end_all()

    # Internals.

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Keep other threads out, and clean up if someone called `close()` meanwhile."""
        if os.getpid() != self._owner:
            raise RuntimeError("this Repl was made before the fork; make one in each process")
        free = self._lock.acquire(blocking=False)
        # The lock is re-entrant: a signal handler may interrupt a call in the same thread.
        if not free or self._caller is not None:
            if free:
                self._lock.release()
            self._refuse_if_closed()  # the other call is `close()`
            raise RuntimeError("this Repl is busy in another call; give each thread its own Repl")
        self._caller = threading.get_ident()
        try:
            self._refuse_if_closed()
            yield
        finally:
            if self._closed:
                self._end_all()
            self._caller = None
            self._lock.release()

    def _refuse_if_closed(self) -> None:
        """Raise ReplClosed if `close()` was called."""
        if self._closed:
            raise ReplClosed("the Repl is closed")

    def _exchange(self, payload: Mapping[str, Any], timeout: float | None) -> tuple[dict[str, Any], int]:
        """Send an object; return the answer and the number of the process that gave it."""
        seconds = self._limits.timeout if timeout is None else above_zero("timeout", timeout)
        if self._engine.tokens:
            # The engine reaches no file; this process reads and writes the files that a request names.
            return on_host(payload, lambda inner: self._exchange_block(inner, seconds))
        return self._exchange_block(payload, seconds)

    def _exchange_block(self, payload: Mapping[str, Any], seconds: float) -> tuple[dict[str, Any], int]:
        token = secrets.token_hex(16) if self._engine.tokens else None
        try:
            block = (b"" if token is None else f"#token {token}\n".encode()) + orjson.dumps(payload)
        except TypeError as error:
            raise ValueError(f"the request cannot be written as JSON: {error}") from None
        with self._claimed():
            self._notice_death()
            self._states.require(payload, None if self._child is None else self._child.number)
            child = self._ready_child()
            started = time.monotonic()
            try:
                with self._watching(child, seconds):
                    child.send_block(block, started + seconds)
                    if token is None:
                        answer = read_answer(child, started + seconds)
                    else:
                        answer = read_signed(child, started + seconds, token)
            finally:
                self._seconds += time.monotonic() - started
            self._commands += 1
            self._states.note(answer, child.number)
            try:
                child.check_memory(_MEMORY_INTERVAL)
            except ChildTooBig as error:
                # The next request counts the loss, so that `generation` after an answer is still the answer's own.
                self._outgrown = self._too_big(error)
                child.end()
            if self._wants_standby and self._standby is None:
                with suppress(ReplFailure):  # an answer matters more than a standby
                    self._standby = self._start()
            return answer, child.number

    @contextmanager
    def _watching(self, child: Child, seconds: float) -> Iterator[None]:
        """Give the process up if the exchange fails, and raise the matching `ReplFailure`."""
        doing = "answer" if self._ready else "become ready"
        try:
            yield
        except ChildSilent:
            self._timeouts += 1
            last_words = "" if self._ready else quoted_stderr(child)
            self._lose(child, f"it did not {doing} within {seconds:g} s")
            raise ReplTimeout(f"Lean did not {doing} within {seconds:g} s{last_words}", seconds) from None
        except ChildDied:
            status, stderr = child.exit_status(), child.stderr_tail()
            if self._closed:
                raise ReplClosed("the Repl was closed during the call") from None
            how = how_it_ended(status)
            last_words = quoted_stderr(child)
            ended = self._engine.tokens and status in _ENDED_BY_CODE
            if not ended and is_out_of_memory(stderr):
                self._lose(child, "it ran out of memory")
                raise ReplMemory(f"Lean ran out of memory{last_words}") from None
            if ended:
                self._lose(child, "the code that was sent ended it")
                raise ReplEnded(f"the code ended Lean{last_words}") from None
            self._crashes += 1
            where = "in the middle of its answer" if child.unfinished_block() else f"before it could {doing}"
            self._lose(child, how)
            raise ReplCrashed(f"Lean {how} {where}{last_words}", status, stderr) from None
        except ChildTooLoud:
            self._crashes += 1
            output = excerpt(child.unfinished_block())
            self._lose(child, "it printed without end")
            raise ReplProtocolError(
                f"Lean printed more than {self._limits.answer_mb:g} MB without finishing an answer", output
            ) from None
        except ChildTooBig as error:
            reason = self._too_big(error)
            self._lose(child, reason)
            raise ReplMemory(f"Lean was stopped: {reason}") from None
        except ReplProtocolError:
            self._crashes += 1
            self._lose(child, "it printed something that is not an answer")
            raise
        except BaseException:
            self._lose(child, "a request was interrupted")
            raise

    def _too_big(self, error: ChildTooBig) -> str:
        """How much memory Lean used, as a clause."""
        return f"it used {error.args[0]:.0f} MB, and the limit is {self._limits.memory_mb:g} MB"

    def _notice_death(self) -> None:
        """Give up a process that died, or printed an answer without a request, since its last answer."""
        child = self._child
        if child is None or not self._ready:
            return
        if self._outgrown:
            self._lose(child, self._outgrown)
            return
        try:
            output = child.read_unasked()
        except ChildDied:
            self._crashes += 1
            self._lose(child, f"it {how_it_ended(child.exit_status())} between two requests")
            return
        except ChildTooLoud:
            output = b"{"
        if output if self._engine.tokens else holds_an_answer(output):
            self._crashes += 1
            self._lose(child, "it gave an answer that nobody had asked for")

    def _ready_child(self) -> Child:
        """Return a process that can take a request; start one if there is none."""
        if self._child is None:
            self._child = self._replacement()
            self._refuse_if_closed()  # another thread may have closed the Repl before it could see the replacement
        child = self._child
        if not self._ready:
            with self._watching(child, self._limits.startup_timeout):
                greeting = read_answer(child, time.monotonic() + self._limits.startup_timeout, starting=True)
                if self._engine.ready_line and greeting.get("ready") is not True:
                    raise ReplProtocolError(f"Lean could not start: {excerpt(greeting)}", excerpt(greeting))
            self._ready = True
        return child

    def _replacement(self) -> Child:
        """Return the standby, or else a new process."""
        standby, self._standby = self._standby, None
        return standby if standby is not None and standby.is_running() else self._start()

    def _start(self) -> Child:
        """Start a process, without waiting until it is ready."""
        try:
            child = Child(
                self._engine.command,
                cwd=self._engine.cwd,
                environment=self._engine.environment,
                block_limit=int(self._limits.answer_mb * 1e6),
                memory_limit_mb=self._limits.resident_mb,
                data_limit_mb=self._limits.data_mb(self._engine.mapped_mb),
            )
        except OSError as error:
            raise ReplFailure(f"Lean cannot be started: {error}") from None
        if not self._engine.ready_line:
            child.send_block(_PROBE, math.inf)
        return child

    def _lose(self, child: Child, reason: str) -> None:
        """Kill the process and mark its states as lost."""
        self._child, self._ready, self._outgrown = None, False, ""
        self.elaborated.clear()
        self._generation += 1
        self._states.lose(child.number, reason)
        child.end()

    def _end_all(self) -> None:
        """Kill every process of this Repl."""
        for child in (self._child, self._standby):
            if child is not None:
                child.end()
        self._child = self._standby = None
