"""One Lean REPL process with typed requests and answers, time-outs, memory limits and restarts.

Lean's answer, good or bad, is a value (`CommandResponse`, `ProofStepResponse`, `ErrorResponse`). A missing answer raises
`ReplFailure`: it concerns the process and not the code, and never counts as a verdict. A failure ends the process, and the next
call starts a new one. The old environments and proof states are then lost: a request that names one raises `ReplStateLost`, so
that it cannot reach another state with the same number.

Each answer of the embedded engine carries its request's token, which no Lean code can see, and the number of programs that the
interpreter has run. A text that ran a program may shape every later answer; `renew_after_programs` replaces such a process. The
native engine has one open gap: Lean code can open /proc/self/fd/1 and print a false answer. An answer without a request ends the
process, but a false answer in place of the true one looks the same; the trust gate has to catch it.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.messages import is_out_of_memory
from stepprove.lean_project.repl.errors import (
    ReplClosed,
    ReplCrashed,
    ReplEnded,
    ReplFailure,
    ReplMemory,
    ReplProtocolError,
    ReplStateLost,
    ReplTimeout,
)
from stepprove.lean_project.repl.host_files import on_host
from stepprove.lean_project.repl.protocol import (
    Command,
    CommandResponse,
    ErrorResponse,
    FileCommand,
    InfoTreeKind,
    PickleEnvironment,
    PickleProofState,
    ProofStep,
    ProofStepResponse,
    Request,
    UnpickleEnvironment,
    UnpickleProofState,
    read_response,
)
from stepprove.lean_project.repl.state_ids import StateIds
from stepprove.process import Child, ChildDied, ChildSilent, ChildTooBig, ChildTooLoud

__all__ = [
    "Repl",
    "ReplClosed",
    "ReplCrashed",
    "ReplEnded",
    "ReplFailure",
    "ReplMemory",
    "ReplProtocolError",
    "ReplStateLost",
    "ReplStats",
    "ReplTimeout",
]

# Every REPL refuses this request at once and keeps no trace of it; its answer shows that the process is ready.
_PROBE = b'{"tactic": "skip", "proofState": 4294967295}'

# Seconds between two memory checks after answers; a quicker tactic cannot do much harm.
_MEMORY_INTERVAL = 0.1

# The exit statuses of a Lean that the code itself ended (see embedded/runtime/ended.cjs), without and with a sandbox between.
_ENDED_BY_CODE = (-signal.SIGUSR2, 128 + signal.SIGUSR2)

_OBJECT = re.compile(rb"^\{", re.MULTILINE)
_SIGNED = re.compile(rb"\n*#token ([0-9a-f]+) ([0-9]+)\n(?=\{)")

_Answer = TypeVar("_Answer", CommandResponse, ProofStepResponse)


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


class Repl:
    """A Lean REPL process that restarts after a failure.

    The process starts at once; the first request waits until it is ready. One thread may use it at a time (a call from another
    thread raises RuntimeError), but any thread may `close()` it to end a request.

    Args:
        engine: an engine of `find_engine()`, or a command that speaks the protocol.
        timeout: seconds for one request; None for no limit. Each call may set its own.
        startup_timeout: seconds for a process to become ready; None for no limit.
        standby: keep a second process, already started, that replaces a lost one. It starts after the first answer, so as not
            to delay that.
        memory_limit_mb: resident memory of Lean and its descendants, in MB (10**6 B). Lean is killed in the middle of a request
            that exceeds it (`ReplMemory`). If the limit is exceeded at the end of a request, the answer counts and the next
            request starts a new process.
        answer_limit_mb: the largest size of an answer, in MB (10**6 B); a larger one breaks the protocol.

    Raises:
        ReplFailure: the program cannot start.
        ValueError: a limit is not above 0.
    """

    def __init__(
        self,
        engine: Engine | Sequence[str],
        *,
        timeout: float | None = 60.0,
        startup_timeout: float | None = 120.0,
        standby: bool = False,
        memory_limit_mb: float | None = None,
        answer_limit_mb: float = 256.0,
    ) -> None:
        if isinstance(engine, str) or not engine:
            raise ValueError(f"the command must be a list of the program and its arguments, not {engine!r}")
        self._timeout = _above_zero("timeout", timeout)
        self._startup_timeout = _above_zero("startup_timeout", startup_timeout)
        self._memory_limit_mb = _above_zero("memory_limit_mb", memory_limit_mb)
        self._answer_limit_mb = _above_zero("answer_limit_mb", answer_limit_mb)
        if isinstance(engine, Engine):
            self._command, self._cwd = engine.command, engine.cwd
            self._environment, self._ready_line = dict(engine.environment), engine.ready_line
            self._mapped_mb, self._tokens = engine.mapped_mb, engine.tokens
        else:
            self._command, self._cwd = tuple(engine), None
            self._environment, self._ready_line = {}, False
            self._mapped_mb, self._tokens = None, False
        self.engine = engine
        """The engine, or the command, of the processes."""
        self.supports_inspect = isinstance(engine, Engine) and engine.supports_inspect
        """Whether the process answers our own requests beside the community REPL's; see `Engine.supports_inspect`."""
        self.elaborated: dict[tuple[str, ...], int] = {}
        """Environments of the present process by the texts that led to them, for callers that send the same texts again."""
        self._companion: Repl | None = None
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

    # Requests.

    def command(
        self,
        code: str,
        env: int | None = None,
        *,
        all_tactics: bool = False,
        root_goals: bool = False,
        infotree: InfoTreeKind | None = None,
        reuse: bool = True,
        timeout: float | None = None,
    ) -> CommandResponse | ErrorResponse:
        """Elaborate Lean code in environment `env`, or in a fresh one where it may `import`.

        Args:
            code: Lean source text.
            env: the `env` of an earlier answer.
            all_tactics: list every tactic call, with its goals and its proof state.
            root_goals: list the first goal of each proof among the sorries, even if the proof is finished.
            infotree: print the info trees of this kind.
            reuse: let the engine reuse its results for commands that this text shares with the start of the last one.
            timeout: seconds for this request; the Repl's own limit when None.

        Raises:
            ReplFailure: there is no answer; see the subclasses.
        """
        request = Command(
            cmd=code,
            env=env,
            all_tactics=all_tactics or None,
            root_goals=root_goals or None,
            infotree=infotree,
            reuse=None if reuse else False,
        )
        return self._ask(request, CommandResponse, timeout)

    def file(
        self,
        path: str | Path,
        env: int | None = None,
        *,
        all_tactics: bool = False,
        root_goals: bool = False,
        infotree: InfoTreeKind | None = None,
        timeout: float | None = None,
    ) -> CommandResponse | ErrorResponse:
        """Elaborate a file; see `command`."""
        request = FileCommand(
            path=_absolute(path),
            env=env,
            all_tactics=all_tactics or None,
            root_goals=root_goals or None,
            infotree=infotree,
        )
        return self._ask(request, CommandResponse, timeout)

    def tactic(
        self, proof_state: int, tactic: str, timeout: float | None = None
    ) -> ProofStepResponse | ErrorResponse:
        """Run one tactic on a proof state of an earlier answer; the answer to a failing tactic is an `ErrorResponse`.

        Raises:
            ReplFailure: there is no answer; see the subclasses.
        """
        return self._ask(ProofStep(proof_state=proof_state, tactic=tactic), ProofStepResponse, timeout)

    def pickle_env(
        self, env: int, path: str | Path, timeout: float | None = None
    ) -> CommandResponse | ErrorResponse:
        """Write an environment to a file."""
        return self._ask(PickleEnvironment(env=env, pickle_to=_absolute(path)), CommandResponse, timeout)

    def unpickle_env(self, path: str | Path, timeout: float | None = None) -> CommandResponse | ErrorResponse:
        """Read an environment from a file that `pickle_env` wrote."""
        return self._ask(UnpickleEnvironment(unpickle_env_from=_absolute(path)), CommandResponse, timeout)

    def pickle_state(
        self, proof_state: int, path: str | Path, timeout: float | None = None
    ) -> ProofStepResponse | ErrorResponse:
        """Write a proof state to a file."""
        request = PickleProofState(proof_state=proof_state, pickle_to=_absolute(path))
        return self._ask(request, ProofStepResponse, timeout)

    def unpickle_state(
        self, path: str | Path, env: int | None = None, timeout: float | None = None
    ) -> ProofStepResponse | ErrorResponse:
        """Read a proof state from a file that `pickle_state` wrote, on top of `env` when it needs one."""
        request = UnpickleProofState(unpickle_proof_state_from=_absolute(path), env=env)
        return self._ask(request, ProofStepResponse, timeout)

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

    def companion(self) -> Repl:
        """Another Repl of the same engine, whose process has seen none of this one's texts.

        It starts on first use and closes with this one.
        """
        if self._companion is None:
            self._companion = Repl(
                self.engine,
                timeout=None if self._timeout == math.inf else self._timeout,
                memory_limit_mb=None if self._memory_limit_mb == math.inf else self._memory_limit_mb,
                answer_limit_mb=self._answer_limit_mb,
            )
        return self._companion

    def adopt_companion(self, other: Repl) -> None:
        """Take over the companion of a Repl that the caller is replacing."""
        if self._companion is None:
            self._companion, other._companion = other._companion, None

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

    def _ask(self, request: Request, kind: type[_Answer], timeout: float | None) -> _Answer | ErrorResponse:
        """Send a request of the protocol and read its typed answer."""
        answer, process = self._exchange(request.model_dump(by_alias=True), timeout)
        try:
            response = read_response(answer, process=process)
        except ValueError as error:
            raise ReplProtocolError(
                f"Lean's answer has an unknown shape: {error}", _excerpt(answer)
            ) from None
        if isinstance(response, (kind, ErrorResponse)):
            return response
        raise ReplProtocolError(
            f"Lean gave a {type(response).__name__} where a {kind.__name__} was due", _excerpt(answer)
        )

    def _exchange(self, payload: Mapping[str, Any], timeout: float | None) -> tuple[dict[str, Any], int]:
        """Send an object; return the answer and the number of the process that gave it."""
        seconds = self._timeout if timeout is None else _above_zero("timeout", timeout)
        if self._tokens:
            # The engine reaches no file; this process reads and writes the files that a request names.
            return on_host(payload, lambda inner: self._exchange_block(inner, seconds))
        return self._exchange_block(payload, seconds)

    def _exchange_block(self, payload: Mapping[str, Any], seconds: float) -> tuple[dict[str, Any], int]:
        token = secrets.token_hex(16) if self._tokens else None
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
                        answer = _read_answer(child, started + seconds)
                    else:
                        answer = _read_signed(child, started + seconds, token)
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
            last_words = "" if self._ready else _quoted_stderr(child)
            self._lose(child, f"it did not {doing} within {seconds:g} s")
            raise ReplTimeout(f"Lean did not {doing} within {seconds:g} s{last_words}", seconds) from None
        except ChildDied:
            status, stderr = child.exit_status(), child.stderr_tail()
            if self._closed:
                raise ReplClosed("the Repl was closed during the call") from None
            how = _how_it_ended(status)
            last_words = _quoted_stderr(child)
            ended = self._tokens and status in _ENDED_BY_CODE
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
            output = _excerpt(child.unfinished_block())
            self._lose(child, "it printed without end")
            raise ReplProtocolError(
                f"Lean printed more than {self._answer_limit_mb:g} MB without finishing an answer", output
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
        return f"it used {error.args[0]:.0f} MB, and the limit is {self._memory_limit_mb:g} MB"

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
            self._lose(child, f"it {_how_it_ended(child.exit_status())} between two requests")
            return
        except ChildTooLoud:
            output = b"{"
        if output if self._tokens else _OBJECT.search(output):
            self._crashes += 1
            self._lose(child, "it gave an answer that nobody had asked for")

    def _ready_child(self) -> Child:
        """Return a process that can take a request; start one if there is none."""
        if self._child is None:
            self._child = self._replacement()
            self._refuse_if_closed()  # another thread may have closed the Repl before it could see the replacement
        child = self._child
        if not self._ready:
            with self._watching(child, self._startup_timeout):
                greeting = _read_answer(child, time.monotonic() + self._startup_timeout, starting=True)
                if self._ready_line and greeting.get("ready") is not True:
                    raise ReplProtocolError(f"Lean could not start: {_excerpt(greeting)}", _excerpt(greeting))
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
                self._command,
                cwd=self._cwd,
                environment=self._environment,
                block_limit=int(self._answer_limit_mb * 1e6),
                memory_limit_mb=None if self._memory_limit_mb == math.inf else self._memory_limit_mb,
                data_limit_mb=self._data_limit_mb(),
            )
        except OSError as error:
            raise ReplFailure(f"Lean cannot be started: {error}") from None
        if not self._ready_line:
            child.send_block(_PROBE, math.inf)
        return child

    def _data_limit_mb(self) -> float | None:
        """The limit on a process's allocations, in 10**6 B, compiled modules that it maps included; None for no limit."""
        if self._mapped_mb is None or self._memory_limit_mb == math.inf:
            return None
        return self._memory_limit_mb + self._mapped_mb

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
        if self._companion is not None:
            self._companion.close()


def _read_answer(child: Child, deadline: float, *, starting: bool = False) -> dict[str, Any]:
    """Read blocks up to the one with an answer.

    Lines before the answer are noise (such as Lake's messages), and this function skips them. It skips a whole block of noise
    only while the process starts.
    """
    while True:
        block = child.read_block(deadline)
        start = _OBJECT.search(block)
        if start is None:
            if starting or not block.strip():
                continue
            raise ReplProtocolError(f"Lean printed no JSON: {_excerpt(block)}", _excerpt(block))
        try:
            answer: dict[str, Any] = orjson.loads(memoryview(block)[start.start() :])
        except orjson.JSONDecodeError as error:
            output = _excerpt(block)
            raise ReplProtocolError(f"Lean printed broken JSON ({error}): {output}", output) from None
        return answer


def _read_signed(child: Child, deadline: float, token: str) -> dict[str, Any]:
    """Read the block that answers the request with this token; any other output breaks the protocol."""
    block = child.read_block(deadline)
    match = _SIGNED.match(block)
    if match is None or not secrets.compare_digest(match[1].decode(), token):
        raise ReplProtocolError(
            f"Lean's answer does not carry its request's token: {_excerpt(block)}", _excerpt(block)
        )
    try:
        answer: dict[str, Any] = orjson.loads(memoryview(block)[match.end() :])
    except orjson.JSONDecodeError as error:
        output = _excerpt(block)
        raise ReplProtocolError(f"Lean printed broken JSON ({error}): {output}", output) from None
    child.programs = max(child.programs, int(match[2]))
    return answer


def _above_zero(name: str, value: float | None) -> float:
    """A limit as a number, infinite for None. Raises ValueError."""
    if value is None:
        return math.inf
    if not value > 0:  # also true of NaN
        raise ValueError(f"{name} must be a number above 0, or None for no limit, not {value!r}")
    return float(value)


def _absolute(path: str | Path) -> str:
    """A path that means the same in Lean's working directory as in ours."""
    return str(Path(path).absolute())


def _excerpt(output: bytes | dict[str, Any]) -> str:
    """The beginning of Lean's output, short enough for a message."""
    text = str(output) if isinstance(output, dict) else output[:2000].decode(errors="replace")
    return text if len(text) <= 300 else text[:300] + "…"


def _how_it_ended(status: int | None) -> str:
    """How a process ended, as the predicate of a sentence."""
    if status is None:
        return "closed its output"
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _quoted_stderr(child: Child) -> str:
    """The last output on stderr, as the end of a message."""
    last = child.stderr_tail()[-500:].strip()
    return f"; its last words: {last}" if last else ""
