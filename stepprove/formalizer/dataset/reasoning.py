"""Reasoning trajectories for pairs: a model writes, by a template of eight parts, how the words become the statement.

StepFun-Formalizer (arXiv 2508.04440, figure 3): four parts on understanding the problem, four on the way to Lean. A trajectory
is kept if its final statement is equivalent to the given one (BEq), and if it reasons instead of quoting the given one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepprove.formalizer.candidate import code_in
from stepprove.formalizer.checks import Leans, NoLean
from stepprove.formalizer.dataset.stage import StageResult, Unanswered
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.equivalence.pairs import Dropped, Pair, ReasoningTrajectory, thoughts_of
from stepprove.formalizer.equivalence.scoring import Scored
from stepprove.formalizer.statement import BadStatement, read_statement
from stepprove.serving.client.client import BudgetSpent, ModelFailure
from stepprove.serving.client.exchange import Chatter, Sampling, Turn

PARTS = (
    "the problem in your own words",
    "its logical structure (for all, if then, if and only if, there is)",
    "the mathematical concepts in it",
    "the objects that have to be introduced",
    "which imports and open namespaces Lean needs",
    "what is tricky in Lean (coercions, natural subtraction, division, types of numerals)",
    "how each concept and object is written in Lean 4",
    "a check of the whole code against the problem",
)
"""Four on the problem, four on the way to Lean."""
_LEAKS = re.compile(
    r"\b(?:given|provided|reference|target|ground[- ]truth) (?:formal |lean |lean 4 )*(?:statement|code|formali[sz]ation)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[#*\s]*(?:part\s*)?([1-8])\s*[.):]", re.IGNORECASE | re.MULTILINE)
_QUESTION = """\
You know how the following problem is stated in Lean 4. Write down the reasoning by which one gets from its words to that
statement, as somebody would who does not know the statement yet: never speak of a statement that was given.

Problem:
{problem}

Its statement:
```lean4
{statement}
```

Write eight numbered parts, each with a heading of the form `1. …`:
{parts}

Then write the complete code, with `sorry` for the proof, in one ```lean4 block."""


@dataclass(frozen=True, slots=True)
class ReasoningOptions:
    """The options of the stage."""

    tries: int = 2
    """The most answers for a pair; the first good one is kept."""
    temperature: float = 0.6
    max_tokens: int = 16384
    method: Method = "beq"


def question(pair: Pair) -> Turn:
    """Return the model's prompt."""
    parts = "\n".join(f"{number}. {part}" for number, part in enumerate(PARTS, 1))
    statement = "\n\n".join(part for part in (pair.header.strip(), pair.formal_statement.strip()) if part)
    return Turn(
        role="user",
        content=_QUESTION.format(problem=pair.problem.strip(), statement=statement, parts=parts),
    )


async def reasoning_trajectory(
    pair: Pair,
    lean: Leans,
    model: Chatter,
    options: ReasoningOptions,
) -> StageResult:
    """Ask a model for the reasoning that leads to a pair's statement.

    Args:
        pair: the problem and its statement.
        lean: the Lean for a header.
        model: writes the trajectory.
        options: of the stage.

    Raises:
        Unanswered: the model or Lean gave no answer.
    """
    try:
        truth = read_statement(pair.formal_statement)
    except BadStatement as wrong:
        return StageResult(_dropped(pair, str(wrong)), "the pair's statement cannot be read")
    reason, words = "", ""
    for _ in range(options.tries):
        try:
            reply = await model.chat(
                [question(pair)], Sampling(temperature=options.temperature, max_tokens=options.max_tokens)
            )
            text = reply.samples[0].text
            scored = await lean(pair.header).score(text, truth, pair.header, options.method)
        except BadStatement as wrong:
            return StageResult(_dropped(pair, str(wrong)), "the pair's statement cannot be read")
        except (ModelFailure, BudgetSpent, NoLean) as failure:
            raise Unanswered(str(failure)) from failure
        if scored.outcome == "unknown":
            raise Unanswered(scored.reason or "Lean did not answer in time")
        reason, words = fault(text, scored), scored.reason or ""
        if not reason:
            kept = ReasoningTrajectory(
                **pair.model_dump(), reasoning=thoughts_of(text), answer=(scored.statement or "").strip()
            )
            return StageResult(kept)
    return StageResult(_dropped(pair, words or reason), reason)


def fault(text: str, scored: Scored) -> str:
    """Return the reason to drop a trajectory; empty to keep it."""
    if scored.outcome == "refused":
        return "no code" if code_in(text) is None else "its statement is not accepted by Lean"
    if scored.outcome != "equivalent":
        return "its statement is not shown to say the same"
    thoughts = thoughts_of(text)
    if _LEAKS.search(thoughts):
        return "it speaks of the statement that it was given"
    if {int(number) for number in _HEADING.findall(thoughts)} != set(range(1, len(PARTS) + 1)):
        return "parts of the template are missing"
    return ""


def _dropped(pair: Pair, reason: str) -> Dropped:
    return Dropped(name=pair.name, problem=pair.problem, reason=reason)
