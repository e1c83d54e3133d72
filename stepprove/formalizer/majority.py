"""Majority vote over statements: the largest class of equivalent ones.

StepFun-Formalizer (arXiv 2508.04440, data synthesis) takes a member of the largest class of BEq. Here the probability of the
model's answers breaks ties.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.statement import Statement
from stepprove.lean_project.source.lexer import tokenize


class StatementClass(BaseModel):
    """Statements that were proved equivalent, directly or through others."""

    model_config = ConfigDict(frozen=True)

    members: tuple[int, ...]
    """Their indices in the input, the most probable first."""
    logprob: float | None
    """The highest log-probability among them."""


async def classes(
    statements: Sequence[Statement],
    logprobs: Sequence[float | None],
    compare: Callable[[Statement, Statement], Awaitable[EquivalenceVerdict]],
) -> tuple[tuple[StatementClass, ...], int]:
    """Divide statements into classes of equivalent ones.

    Statements with the same words are not compared, nor are two in one class already. An undecided comparison
    joins nothing.

    Args:
        statements: to divide.
        logprobs: the log-probability of each, if known.
        compare: decides whether two are equivalent.

    Returns:
        The classes, the largest first, then the most probable; and the number of undecided comparisons.
    """
    import networkx  # imported here because every command loads this file

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

    classes = [
        sorted(component, key=likely, reverse=True) for component in networkx.connected_components(graph)
    ]
    classes.sort(key=lambda members: (len(members), *likely(members[0])), reverse=True)
    return tuple(StatementClass(members=tuple(m), logprob=logprobs[m[0]]) for m in classes), unknown


def words_of(statement: Statement) -> tuple[str, ...]:
    """Return the words of a statement and its context, without its name and white space."""
    text = statement.source.text[statement.source.header_end : statement.chunk.start] + statement.named("x")
    return tuple(text[t.start : t.end] for t in tokenize(text))
