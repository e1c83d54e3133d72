"""Whether an answer states what was meant: what reinforcement learning rewards, and what kept trajectories must end in."""

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
    """What became of an answer."""

    model_config = ConfigDict(frozen=True)

    outcome: ScoreOutcome
    """equivalent: it was proved to say the same; not shown: it was not; refused: there is no statement that Lean accepts;
    unknown: Lean did not answer in time, so that nothing is known."""
    infrastructure: bool = False
    """It is unknown because memory ran out or Lean died, not for lack of time."""
    reason: str | None = None
    statement: str | None = None
    """What Lean read, without the header."""


def score(
    ground: ElaborationContext,
    answer: str,
    truth: Statement,
    *,
    header: str = "",
    name: str | None = None,
    method: Method = "beq",
) -> Scored:
    """Compare a model's answer with the statement that is known to be right.

    Args:
        ground: the header, elaborated.
        answer: the model's text, thinking and all.
        truth: without imports.
        header: what the answer may begin with.
        name: of the theorem; None: as the answer has it.
        method: how the two are compared.

    Raises:
        BadStatement: Lean reports errors in `truth`.
        ReplClosed: Lean cannot be asked any more.
    """
    code = code_in(answer)
    if code is None:
        return Scored(outcome="refused", reason="There is no Lean code in the answer.")
    try:
        found = read_candidate(ground, code, header, name)
    except ReplClosed:
        raise
    except ReplFailure as failure:
        late = isinstance(failure, ReplTimeout)
        return Scored(outcome="unknown", reason=str(failure), infrastructure=not late)
    finally:
        ground.forget()
    if isinstance(found, str):
        return Scored(outcome="refused", reason=found)
    if words_of(found.statement) == words_of(truth):
        return Scored(outcome="equivalent", statement=found.text)
    verdict = compare(ground, found.statement, truth, method)
    outcome: dict[EquivalenceVerdict, ScoreOutcome] = {
        EquivalenceVerdict.EQUIVALENT: "equivalent",
        EquivalenceVerdict.NOT_SHOWN: "not shown",
        EquivalenceVerdict.UNKNOWN: "unknown",
    }
    return Scored(
        outcome=outcome[verdict.verdict],
        infrastructure=verdict.infrastructure,
        reason=verdict.reason,
        statement=found.text,
    )
