"""The options of a run on a file, and the events that it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stepprove.agent.file.report import HoleResult
from stepprove.agent.search.result import Progress, SearchResult
from stepprove.lean_project.gate.gate import Policy


class FileRefused(Exception):
    """The file cannot be worked on; the message says why, in one sentence."""


class FileTooSlow(FileRefused):
    """Elaborating the file timed out."""


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """The options of a run on one file."""

    theorems: tuple[str, ...] = ()
    """Fill only the holes of these declarations; empty for all."""
    time_limit: float = 60.0
    """Seconds for each hole."""
    jobs: int = 1
    """Lean processes in parallel."""
    seed: int = 0
    policy: Policy = field(default_factory=Policy)
    prelude: str | None = None
    """Elaborated in place of the file's imports."""
    remember: bool = True
    """Try the proofs that an earlier run found on the same text first."""
    standby: bool = True
    """Keep a second Lean process ready, in case one is lost."""


@dataclass(frozen=True, slots=True)
class Started:
    """The work on a hole begins."""

    hole: int


@dataclass(frozen=True, slots=True)
class Working:
    """The progress of the search on a hole."""

    hole: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Searched:
    """A search on a hole has ended; the result has its proof graph."""

    hole: int
    result: SearchResult


@dataclass(frozen=True, slots=True)
class Thinking:
    """The progress of a model on a hole."""

    hole: int
    answers: int
    """Answers that it has written, in all its attempts."""
    tokens: int
    """Tokens that it has read and written for this hole."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a hole before the gate."""

    result: HoleResult


ProveEvent = Started | Working | Searched | Thinking | Finished
Listener = Callable[[ProveEvent], None]
