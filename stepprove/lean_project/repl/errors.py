"""What may keep Lean from answering. All but one of it is no verdict on the code that was sent."""

from __future__ import annotations

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


class ReplFailure(Exception):
    """Lean could not be asked, or did not answer: no verdict on the code, unless a subclass says otherwise."""

    outcome = Outcome.INFRASTRUCTURE
    """What it counts as for the code that was sent."""


class ReplTimeout(ReplFailure):
    """Lean was not ready, or did not answer, in time."""

    outcome = Outcome.TIMEOUT

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds
        """The limit that was passed."""


class ReplCrashed(ReplFailure):
    """The process ended before it had answered."""

    def __init__(self, message: str, exit_status: int | None, stderr: str) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        """Negative for a signal; None when the process closed its output but stayed."""
        self.stderr = stderr
        """The last of what it said."""


class ReplEnded(ReplFailure):
    """The code that was sent ended the process: it asked Lean to exit, or a program of its own crashed. It has failed."""

    outcome = Outcome.FAILED


class ReplProtocolError(ReplFailure):
    """The process printed something that is not an answer."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output
        """The beginning of what it printed."""


class ReplMemory(ReplFailure):
    """Lean used more memory than it may while it worked on the request, or the system gave it no more."""


class ReplStateLost(ReplFailure):
    """The request names an environment or a proof state of a process that is gone."""


class ReplClosed(ReplFailure):
    """The `Repl` was closed, before the call or during it."""
