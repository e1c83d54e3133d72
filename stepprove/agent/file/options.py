"""What to do with a file, and what is told while it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stepprove.agent.file.report import HoleResult
from stepprove.agent.search.search import Progress, SearchResult
from stepprove.lean_project.gate.gate import Policy


class FileRefused(Exception):
    """The file cannot be worked on as it is; the message says why, in one sentence."""


class FileTooSlow(FileRefused):
    """Lean did not get through the file in time."""


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """How to go about a file."""

    theorems: tuple[str, ...] = ()
    """Only the holes of these declarations; empty for all."""
    time_limit: float = 60.0
    """Seconds for each hole."""
    jobs: int = 1
    """Lean processes at once."""
    seed: int = 0
    policy: Policy = field(default_factory=Policy)
    prelude: str | None = None
    """Elaborated in place of the file's imports."""
    remember: bool = True
    """Whether proofs that an earlier run found on the same text are tried first."""
    standby: bool = True
    """Whether a second Lean is kept ready for the moment in which one is lost."""


@dataclass(frozen=True, slots=True)
class Started:
    """A hole is being worked on."""

    hole: int


@dataclass(frozen=True, slots=True)
class Working:
    """How far the search for a hole's proof is."""

    hole: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Searched:
    """A search for a hole's proof has ended; its graph tells what it has seen."""

    hole: int
    result: SearchResult


@dataclass(frozen=True, slots=True)
class Thinking:
    """How far a model is with a hole."""

    hole: int
    answers: int
    """What it has written so far, in all its attempts."""
    tokens: int
    """Read and written for it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What the search, not yet the gate, says of a hole."""

    result: HoleResult


ProveEvent = Started | Working | Searched | Thinking | Finished
Listener = Callable[[ProveEvent], None]
