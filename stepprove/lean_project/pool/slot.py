"""One engine of a pool: its REPL process, the headers and prefixes that it has elaborated, and the job that it runs."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from stepprove.lean_project.gate.inspection.facts import Facts, facts_of
from stepprove.lean_project.pool.prefix_cache import PrefixCache, common_prefix, divisible
from stepprove.lean_project.pool.requests import CheckRequest
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import header_of, parse_source

__all__ = ["HEADER_SECONDS", "Job", "Slot", "elaborate", "read_facts"]

HEADER_SECONDS = 300.0
"""Seconds for the imports of a text, which its author cannot shorten; Mathlib's take about 10 s from a cold disk."""

T = TypeVar("T")


@dataclass(eq=False)
class Job(Generic[T]):
    """One job of a pool: the work, and its place in the queue or at an engine."""

    work: Callable[[Slot], T]
    text: str
    """The text that the engine will elaborate; empty if unknown."""
    priority: int
    lost: Callable[[str, float, float, int], T] | None
    """Makes the result after the last crash from the reason, seconds, seconds waited and engine. None: the pool raises."""
    again: int = 0
    """How many retries it has if Lean dies."""
    future: Future[T] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)
    passed_over: int = 0
    cancelled: bool = False
    slot: Slot | None = None
    """The engine that runs it."""
    attempts: int = 0
    too_big: bool = False
    """The pool killed Lean because of its memory."""


class Slot:
    """One engine of the pool: a REPL, and the environments of its present process."""

    def __init__(self, number: int, repl: Repl) -> None:
        self.number = number
        self.repl = repl
        self.doomed: Repl | None = None
        """The process that the pool is ending because its job was cancelled."""
        self.job: Job[Any] | None = None
        self.renewing = False
        self.looked = 0.0
        self.headers: OrderedDict[str, int] = OrderedDict()
        self.recent: deque[str] = deque(maxlen=2)
        self.pieces = PrefixCache()
        self.generation = repl.generation
        self.header_hits = self.header_misses = 0

    def take(self, repl: Repl) -> None:
        """Continue with another process."""
        self.repl = repl
        self._forget()

    def _forget(self) -> None:
        self.headers.clear()
        self.recent.clear()
        self.pieces.clear()
        self.generation = self.repl.generation

    def environment(self, header: str, timeout: float | None) -> int:
        """The environment after a header, elaborated once for each process.

        Args:
            header: imports.
            timeout: seconds; the header gets at least `HEADER_SECONDS`.

        Raises:
            ReplFailure: Lean gave no answer.
        """
        if self.repl.generation != self.generation:
            self._forget()
        if header in self.headers:
            self.header_hits += 1
            self.headers.move_to_end(header)
            return self.headers[header]
        self.header_misses += 1
        answer = self.repl.elaborate(header, timeout=max(timeout or 0.0, HEADER_SECONDS))
        self.generation = self.repl.generation
        if not answer.has_errors:
            self.headers[header] = answer.env
        return answer.env

    def suits(self, job: Job[Any]) -> int:
        """How many characters a job's text shares with the start of a recent text of this engine."""
        return max((common_prefix(job.text, text) for text in self.recent), default=0) if job.text else 0


def elaborate(slot: Slot, request: CheckRequest, seconds: float) -> CommandResponse | ErrorResponse:
    """Elaborate a text on one engine; where the REPL has no prefix cache of its own, send it chunk by chunk.

    Args:
        slot: the engine.
        request: the text.
        seconds: the time limit of each engine call.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    repl, code, header = slot.repl, request.code, request.header
    env = None if header is None else slot.environment(header, seconds)
    if repl.supports_inspect or request.all_tactics or request.infotree is not None:
        return repl.command(
            code, env, all_tactics=request.all_tactics, infotree=request.infotree, timeout=seconds
        )
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


def read_facts(slot: Slot, request: CheckRequest, answer: CommandResponse, seconds: float) -> Facts:
    """Facts about the declarations of an elaborated text beyond its imports.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    imports = header_of(request.code) if request.header is None else request.header
    before = CommandResponse(env=slot.environment(imports, seconds))
    return facts_of(slot.repl, imports, before, request.code, answer, timeout=seconds)
