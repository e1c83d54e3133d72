"""The questions of a formalizer to Lean: check an answer, compare two statements, score an answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from stepprove.faults import Failure
from stepprove.formalizer.candidate import Candidate, read_candidate
from stepprove.formalizer.equivalence.elaboration_context import ElaborationContexts
from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict, compare
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.equivalence.scoring import Scored, score
from stepprove.formalizer.statement import Statement
from stepprove.formalizer.vacuity import Vacuity, gate_check, vacuity
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl, ReplFailure

__all__ = ["Checks", "Leans", "NoLean", "PoolChecks", "by_header"]


class NoLean(Failure):
    """Lean did not answer, or cannot be reached, so nothing is known; the message says why."""


class Checks(Protocol):
    """A Lean with one header."""

    async def read(self, code: str, header: str, name: str | None) -> tuple[Candidate | str, Vacuity]:
        """Check the statement of a code, and whether it is vacuous; return its error if Lean rejects it.

        Raises:
            NoLean: Lean gave no answer.
        """

    async def same(self, a: Statement, b: Statement, method: Method) -> EquivalenceVerdict:
        """Decide whether two statements are equivalent.

        Raises:
            NoLean: Lean cannot be reached.
        """

    async def score(self, answer: str, truth: Statement, header: str, method: Method) -> Scored:
        """Score an answer to a problem with a known statement.

        Raises:
            NoLean: Lean gave no answer.
            BadStatement: Lean rejects `truth`.
        """


Leans = Callable[[str], Checks]
"""Returns the Lean for a header."""


def by_header(make: Callable[[str], Checks]) -> Leans:
    """Cache the Lean of each header."""
    cached: dict[str, Checks] = {}

    def found(header: str) -> Checks:
        if header not in cached:
            cached[header] = make(header)
        return cached[header]

    return found


class PoolChecks:
    """The engines of a pool, each with the header elaborated once.

    Args:
        pool: the engines.
        header: the elaborated text; it may replace the header that answers begin with.
        timeout: seconds for each text.
    """

    def __init__(self, pool: Pool, header: str = "", *, timeout: float = 60.0) -> None:
        self._pool, self._contexts = pool, ElaborationContexts(header, timeout=timeout)

    async def read(self, code: str, header: str, name: str | None) -> tuple[Candidate | str, Vacuity]:
        """As `Checks.read`."""
        try:
            return await self._pool.run(partial(self._read, code=code, header=header, name=name))
        except ReplFailure as failure:
            raise NoLean(str(failure)) from failure

    def _read(self, repl: Repl, code: str, header: str, name: str | None) -> tuple[Candidate | str, Vacuity]:
        context = self._contexts(repl)
        try:
            candidate = read_candidate(context, code, header, name)
            if isinstance(candidate, str):
                return candidate, Vacuity()
            return candidate, vacuity(gate_check(context), candidate.text, candidate.name, candidate.goal)
        finally:
            context.forget()

    async def same(self, a: Statement, b: Statement, method: Method) -> EquivalenceVerdict:
        """As `Checks.same`."""
        try:
            return await self._pool.run(lambda repl: compare(self._contexts(repl), a, b, method).verdict)
        except ReplFailure as failure:
            raise NoLean(str(failure)) from failure

    async def score(self, answer: str, truth: Statement, header: str, method: Method) -> Scored:
        """As `Checks.score`."""
        try:
            return await self._pool.run(
                lambda repl: score(self._contexts(repl), answer, truth, header=header, method=method)
            )
        except ReplFailure as failure:
            raise NoLean(str(failure)) from failure
