"""Cut the errors of a failed proof back to `sorry`, and search for proofs of the open goals.

A failed tactic and the rest of its block become `sorry`. A block that ends too early gets a `sorry` at its end, after all other
errors are cut, because a parse error hides the errors after it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from stepprove.agent.file.assembly import Assembly
from stepprove.agent.file.hole_search import attempt_hole
from stepprove.agent.file.options import ProveEvent, ProveOptions
from stepprove.agent.file.worker import Worker
from stepprove.agent.models.problem import Problem
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.messages import finds_no_goals, leaves_goals
from stepprove.lean_project.pool.loan import Loan
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.protocol import CommandResponse, Message
from stepprove.lean_project.source.file import Edit, SourceFile, apply_edits, parse_source
from stepprove.outcome import Outcome

_MOST_CUTS = 8
"""Rounds of cutting; one error may hide the next."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A text that Lean elaborates without errors, with `sorry` for its open goals."""

    code: str
    goals: tuple[str, ...]
    """The goal of each `sorry`."""
    tactics: int
    """Tactics in it other than `sorry`."""

    @property
    def worth(self) -> tuple[int, int]:
        """A sort key, larger is better: fewer open goals, then more tactics."""
        return -len(self.goals), self.tactics


def cut_back(code: str, errors: Sequence[Message]) -> str | None:
    """Replace the tactics at these errors by `sorry`; None if an error is in no tactic."""
    source = parse_source(code)
    errors = [e for e in errors if not leaves_goals(e.data)] or errors
    edits: list[Edit] = []
    for error in sorted(errors, key=lambda e: (e.pos.line, e.pos.column)):
        lines = source.positions.code.line_starts
        if not 1 <= error.pos.line <= len(lines):
            return None
        offset = lines[error.pos.line - 1] + error.pos.column
        edit = _sorry_at_end(source, offset) if leaves_goals(error.data) else None
        edit = edit or _from(source, offset, "skip" if finds_no_goals(error.data) else "sorry")
        if edit is None:
            return None
        edits = [other for other in edits if not edit.start <= other.start <= other.end <= edit.end]
        if not any(other.start <= edit.end and edit.start <= other.end for other in edits):
            edits.append(edit)
    return apply_edits(code, edits)


def _from(source: SourceFile, offset: int, tactic: str) -> Edit | None:
    """Replace the tactic at an offset, and the rest of its block, by another tactic."""
    tokens = source.positions.code.tokens
    at = bisect_right(tokens, offset, key=lambda token: token.start) - 1
    while at >= 0 and not source.positions.is_tactic(at):
        at -= 1
    return None if at < 0 else Edit(tokens[at].start, tokens[_last(source, at)].end, tactic)


def _sorry_at_end(source: SourceFile, offset: int) -> Edit | None:
    """Append `sorry` to the block that begins after an offset."""
    tokens = source.positions.code.tokens
    at = bisect_right(tokens, offset, key=lambda token: token.start)
    while at < len(tokens) and not source.positions.is_tactic(at):
        at += 1
    if at == len(tokens):
        return None
    end = tokens[_last(source, at)].end
    return Edit(end, end, "\n" + " " * source.positions.code.column(tokens[at].start) + "sorry")


def _last(source: SourceFile, first: int) -> int:
    """Return the last token of a tactic's block."""
    code = source.positions.code
    tokens = code.tokens
    column, depth = code.column(tokens[first].start), tokens[first].depth
    starts = {chunk.start for chunk in source.chunks}
    last = first
    for at in range(first + 1, len(tokens)):
        token = tokens[at]
        left = code.begins_line(at) and code.column(token.start) < column
        if left or token.start in starts or token.depth < depth:
            break
        last = at
    return last


async def partial_of(
    pool: Pool, problem: Problem, code: str, answer: CommandResponse, seconds: float
) -> Partial | None:
    """Return the part of a code that holds in the problem's environment.

    Args:
        pool: elaborates the texts.
        problem: the theorem to prove.
        code: the model's code.
        answer: Lean's answer to it.
        seconds: for each elaboration.

    Returns:
        The partial proof; None if nothing holds.
    """
    for _ in range(_MOST_CUTS):
        if not answer.errors:
            return _partial(code, [sorry.goal for sorry in answer.sorries])
        shorter = cut_back(code, answer.errors)
        if shorter is None or shorter == code:
            return None
        code = shorter
        check = await pool.check(code, header=problem.environment or None, timeout=seconds)
        if not isinstance(check.answer, CommandResponse):
            return None
        answer = check.answer
    return None


def _partial(code: str, goals: Sequence[str]) -> Partial | None:
    positions = parse_source(code).positions
    words = [t.text for i, t in enumerate(positions.code.tokens) if positions.is_tactic(i)]
    tactics = sum(word != "sorry" for word in words)
    return Partial(code, tuple(goals), tactics) if tactics and goals else None


async def searched(pool: Pool, engine: Engine, problem: Problem, partial: Partial, seconds: float) -> Partial:
    """Search for proofs of a partial proof's open goals.

    Args:
        pool: runs the search.
        engine: the pool's engine.
        problem: the theorem to prove.
        partial: the partial proof.
        seconds: for each goal; twice that for all of them.
    """
    source = parse_source(problem.candidate(partial.code))
    own = len(source.text) - len(problem.own(partial.code)) - 1
    mine = [hole for hole in source.holes if hole.start >= own]
    options = ProveOptions(time_limit=seconds, prelude=problem.prelude, remember=False, standby=False)
    stop = Event()

    def listen(event: ProveEvent) -> None:
        """Nobody follows these searches."""

    loan = await Loan.borrow(pool)
    try:
        worker = Worker(source, engine, options, loan.repl)
        found = await loan.run(
            lambda _: [attempt_hole(worker, hole, worker.chunks, seconds, listen, stop) for hole in mine],
            stop,
            within=2 * seconds,
        )
        results = await loan.run(lambda _: Assembly(worker, listen, stop).run(found), stop)
    finally:
        loan.end()
    left = [r for r in results if r.outcome is not Outcome.PROVED]
    code = apply_edits(source.text, worker.fills(results))[own:].strip()
    return Partial(code, tuple(r.goal or "" for r in left), partial.tactics + len(results) - len(left))
