"""The results of a pool's jobs, its counts, and its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stepprove.lean_project.gate.inspection.facts import Facts
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.outcome import Outcome

__all__ = ["Check", "Ending", "PoolClosed", "PoolFull", "PoolStats", "unanswered"]

Ending = Literal["answered", "timeout", "crashed", "memory", "ended"]


class PoolFull(Exception):
    """Too many jobs wait; try again later."""


class PoolClosed(Exception):
    """The pool was closed before the job was done."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one text."""

    outcome: Ending
    """Only "answered" and "ended" (the text ended its own Lean) say anything about the text."""
    answer: CommandResponse | ErrorResponse | None
    reason: str | None
    """Why Lean gave no answer."""
    seconds: float
    """The engine's time for the last attempt, imports included."""
    waited_seconds: float
    engine: int
    """The number of the engine, from 0."""
    facts: Facts | None = None
    """Facts about the declarations beyond the imports, if the caller wanted them and the engine supports `inspect`."""

    @property
    def unanswered(self) -> Outcome | None:
        """The outcome of a text that Lean did not answer; None if Lean answered."""
        return unanswered(self.outcome)


def unanswered(ending: str) -> Outcome | None:
    """The outcome of a check with this ending; None if Lean answered."""
    if ending == "answered":
        return None
    return {"timeout": Outcome.TIMEOUT, "ended": Outcome.FAILED}.get(ending, Outcome.INFRASTRUCTURE)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A pool's counts."""

    engines: int
    waiting: int
    running: int
    answered: int = 0
    timeouts: int = 0
    crashes: int = 0
    """Jobs that ended without an answer because Lean died, after all retries."""
    memory_kills: int = 0
    cancelled: int = 0
    refused: int = 0
    """Jobs that the pool refused because too many waited."""
    retried: int = 0
    """Second and later attempts after a crash."""
    recycled: int = 0
    """Processes replaced between two jobs because they had grown."""
    touched: int = 0
    """Processes replaced between two jobs because a text had run a program in them."""
    replaced: int = 0
    """Processes replaced for any reason."""
    header_hits: int = 0
    header_misses: int = 0
    prefix_hits: int = 0
    """Texts sent to an engine that had elaborated a text with the same prefix."""
    busy_seconds: float = 0.0
    """Engine time spent on jobs."""
    waited_seconds: float = 0.0
    memory_mb: float = 0.0
    """Resident memory of all engines now, in MB (10**6 B)."""
