"""Score an answer against the known statement: the reward of reinforcement learning, and the filter for trajectories."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.candidate import code_in, read_candidate
from stepprove.formalizer.equivalence.elaboration_context import ElaborationContext
from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict, compare
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.majority import words_of
from stepprove.formalizer.statement import Statement
from stepprove.lean_project.repl.repl import ReplClosed, ReplFailure, ReplTimeout

ScoreOutcome = Literal["equivalent", "not shown", "refused", "unknown"]


class Scored(BaseModel):
    """The score of an answer."""

    model_config = ConfigDict(frozen=True)

    outcome: ScoreOutcome
    """equivalent: proved equivalent; not shown: not proved equivalent; refused: Lean accepts no statement in it;
    unknown: Lean did not answer in time, so nothing is known.
    """
    infrastructure: bool = False
    """The outcome is unknown because memory ran out or Lean died, not because time ran out."""
    reason: str | None = None
    statement: str | None = None
    """The statement that Lean accepted, without the header."""


def score(
    context: ElaborationContext,
    answer: str,
    truth: Statement,
    *,
    header: str = "",
    name: str | None = None,
    method: Method = "beq",
) -> Scored:
    """Compare a model's answer with the known statement.

    Args:
        context: the elaborated header.
        answer: the model's text, thinking included.
        truth: the known statement, without imports.
        header: the text that the answer may begin with.
        name: the theorem's new name; None keeps its own.
        method: of the comparison.

    Raises:
        BadStatement: Lean reports errors in `truth`.
        ReplClosed: the process is closed.
    """
    code = code_in(answer)
    if code is None:
        return Scored(outcome="refused", reason="There is no Lean code in the answer.")
    try:
        candidate = read_candidate(context, code, header, name)
    except ReplClosed:
        raise
    except ReplFailure as failure:
        late = isinstance(failure, ReplTimeout)
        return Scored(outcome="unknown", reason=str(failure), infrastructure=not late)
    finally:
        context.forget()
    if isinstance(candidate, str):
        return Scored(outcome="refused", reason=candidate)
    if words_of(candidate.statement) == words_of(truth):
        return Scored(outcome="equivalent", statement=candidate.text)
    verdict = compare(context, candidate.statement, truth, method)
    outcome: dict[EquivalenceVerdict, ScoreOutcome] = {
        EquivalenceVerdict.EQUIVALENT: "equivalent",
        EquivalenceVerdict.NOT_SHOWN: "not shown",
        EquivalenceVerdict.UNKNOWN: "unknown",
    }
    return Scored(
        outcome=outcome[verdict.verdict],
        infrastructure=verdict.infrastructure,
        reason=verdict.reason,
        statement=candidate.text,
    )
