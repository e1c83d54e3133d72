"""One Lean REPL process with typed requests and answers, time-outs, memory limits and restarts.

Lean's answer, good or bad, is a value (`CommandResponse`, `ProofStepResponse`, `ErrorResponse`). A missing answer raises
`ReplFailure`: it concerns the process and not the code, and never counts as a verdict. A failure ends the process, and the next
call starts a new one. The old environments and proof states are then lost: a request that names one raises `ReplStateLost`, so
that it cannot reach another state with the same number.

This module has the typed requests, `process.py` the process, `answers.py` the reading of its output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.repl.answers import excerpt
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
from stepprove.lean_project.repl.limits import Limits
from stepprove.lean_project.repl.process import ReplProcess, ReplStats
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


_Answer = TypeVar("_Answer", CommandResponse, ProofStepResponse)


class Repl(ReplProcess):
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
        self._companion: Repl | None = None
        limits = Limits.of(timeout, startup_timeout, memory_limit_mb, answer_limit_mb)
        super().__init__(engine, limits, standby)

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

    def elaborate(
        self, code: str, env: int | None = None, *, reuse: bool = True, timeout: float | None = None
    ) -> CommandResponse:
        """As `command`, for a caller that has no use for a refusal of the REPL.

        Raises:
            ReplFailure: there is no answer, or the REPL refuses the request.
        """
        answer = self.command(code, env, reuse=reuse, timeout=timeout)
        if isinstance(answer, ErrorResponse):
            raise ReplFailure(answer.message)
        return answer

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

    def _ask(self, request: Request, kind: type[_Answer], timeout: float | None) -> _Answer | ErrorResponse:
        """Send a request of the protocol and read its typed answer."""
        answer, process = self._exchange(request.model_dump(by_alias=True), timeout)
        try:
            response = read_response(answer, process=process)
        except ValueError as error:
            raise ReplProtocolError(f"Lean's answer has an unknown shape: {error}", excerpt(answer)) from None
        if isinstance(response, (kind, ErrorResponse)):
            return response
        raise ReplProtocolError(
            f"Lean gave a {type(response).__name__} where a {kind.__name__} was due", excerpt(answer)
        )

    # The companion.

    def companion(self) -> Repl:
        """Another Repl of the same engine, whose process has seen none of this one's texts.

        It starts on first use and closes with this one.
        """
        if self._companion is None:
            self._companion = Repl(
                self.engine,
                timeout=None if self._limits.timeout == math.inf else self._limits.timeout,
                memory_limit_mb=self._limits.resident_mb,
                answer_limit_mb=self._limits.answer_mb,
            )
        return self._companion

    def adopt_companion(self, other: Repl) -> None:
        """Take over the companion of a Repl that the caller is replacing, unless `close()` has ended it."""
        companion = other._companion
        if self._companion is None and companion is not None and not companion._closed:
            self._companion, other._companion = companion, None

    def _end_all(self) -> None:
        """Kill every process of this Repl."""
        super()._end_all()
        if self._companion is not None:
            self._companion.close()


def _absolute(path: str | Path) -> str:
    """A path that means the same in Lean's working directory as in ours."""
    return str(Path(path).absolute())
