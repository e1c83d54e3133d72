"""Which of several statements most of them agree on: the largest class of statements that say the same.

StepFun-Formalizer (arXiv 2508.04440, data synthesis) takes a member of the largest class of BEq; equal sizes are told apart
here by the probability that the model gave to its answers.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.statement import Statement
from stepprove.lean_project.source.lexer import tokenize


class StatementClass(BaseModel):
    """Statements that were each proved from one another, directly or through others."""

    model_config = ConfigDict(frozen=True)

    members: tuple[int, ...]
    """Their places in what was compared, the most probable first."""
    logprob: float | None
    """The highest of them."""


async def classes(
    statements: Sequence[Statement],
    logprobs: Sequence[float | None],
    compare: Callable[[Statement, Statement], Awaitable[EquivalenceVerdict]],
) -> tuple[tuple[StatementClass, ...], int]:
    """The classes, the largest first, then the most probable; and how many comparisons could not be told.

    Statements of the same words are not compared, nor are two that are in one class already. A comparison that could not be
    told joins nothing.
    """
    import networkx  # not at the top: all commands load this file, and only this one needs it

    graph: networkx.Graph = networkx.Graph()
    graph.add_nodes_from(range(len(statements)))
    words = [words_of(statement) for statement in statements]
    unknown = 0
    for second in range(len(statements)):
        for first in range(second):
            if networkx.has_path(graph, first, second):
                continue
            verdict = (
                EquivalenceVerdict.EQUIVALENT
                if words[first] == words[second]
                else await compare(statements[first], statements[second])
            )
            unknown += verdict is EquivalenceVerdict.UNKNOWN
            if verdict is EquivalenceVerdict.EQUIVALENT:
                graph.add_edge(first, second)

    def likely(place: int) -> tuple[float, int]:
        logprob = logprobs[place]
        return (-math.inf if logprob is None else logprob, -place)

    found = [
        sorted(component, key=likely, reverse=True) for component in networkx.connected_components(graph)
    ]
    found.sort(key=lambda members: (len(members), *likely(members[0])), reverse=True)
    return tuple(StatementClass(members=tuple(m), logprob=logprobs[m[0]]) for m in found), unknown


def words_of(statement: Statement) -> tuple[str, ...]:
    """A statement's words and those before it, whatever its name and its white space."""
    text = statement.source.text[statement.source.header_end : statement.chunk.start] + statement.named("x")
    return tuple(text[t.start : t.end] for t in tokenize(text))
