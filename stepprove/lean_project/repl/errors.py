"""The reasons why Lean gave no answer. Only `ReplEnded` is a verdict on the code."""

from __future__ import annotations

from stepprove.faults import Failure
from stepprove.outcome import Outcome

__all__ = [
    "ReplClosed",
    "ReplCrashed",
    "ReplEnded",
    "ReplFailure",
    "ReplMemory",
    "ReplProtocolError",
    "ReplStateLost",
    "ReplTimeout",
]


class ReplFailure(Failure):
    """Lean gave no answer: no verdict on the code, unless a subclass says otherwise."""

    outcome = Outcome.INFRASTRUCTURE
    """The outcome of the code."""


class ReplTimeout(ReplFailure):
    """Lean did not become ready, or did not answer, in time."""

    outcome = Outcome.TIMEOUT

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds
        """The time limit."""


class ReplCrashed(ReplFailure):
    """The process ended before it answered."""

    def __init__(self, message: str, exit_status: int | None, stderr: str) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        """Negative for a signal; None when the process closed its output but stayed."""
        self.stderr = stderr
        """Its last output on stderr."""


class ReplEnded(ReplFailure):
    """The code ended the process: it made Lean exit, or a program in it crashed. The code has failed."""

    outcome = Outcome.FAILED


class ReplProtocolError(ReplFailure):
    """The process printed output that is not an answer."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output
        """The beginning of the output."""


class ReplMemory(ReplFailure):
    """Lean exceeded its memory limit during the request, or the system refused it memory."""


class ReplStateLost(ReplFailure):
    """The request names an environment or a proof state of a process that has ended."""


class ReplClosed(ReplFailure):
    """The `Repl` was closed before or during the call."""
