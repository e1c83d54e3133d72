"""Distil and select: turn problems into pairs by the majority of a formalizer's answers (StepFun-Formalizer,
arXiv 2508.04440, section 3.1).

Lean checks 16 answers; BEq divides the accepted ones into classes; a member of the largest class is taken; a judge rejects
oversimplified or contradictory statements. Two things differ from the paper: the most probable member is taken in place of any,
and statements that Lean finds contradictory or false are dropped before the judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stepprove.formalizer.autoformalize import (
    Formalization,
    FormalizeOptions,
    autoformalize,
)
from stepprove.formalizer.checks import Leans, NoLean
from stepprove.formalizer.dataset.stage import StageResult, Unanswered
from stepprove.formalizer.equivalence.pairs import Dropped, InformalProblem, KnowledgePair
from stepprove.serving.client.answer import after_thinking
from stepprove.serving.client.client import BudgetSpent, ModelFailure
from stepprove.serving.client.exchange import Chatter, Reply, Sample, Sampling, Turn, Usage

_JUDGED = re.compile(r"verdict:\W*(keep|oversimplified|contradictory)", re.IGNORECASE)
_QUESTION = """\
Below are a mathematical problem and a Lean 4 statement that is meant to state it. Throw the statement out in two cases only:

- oversimplified: it leaves out what the problem is about, so that what remains is trivial (such as `2 > 1`);
- contradictory: its hypotheses cannot hold together, so that it says nothing.

Problem:
{problem}

Statement:
```lean4
{statement}
```

Give your reason in one or two sentences. End with one of these lines:
Verdict: keep
Verdict: oversimplified
Verdict: contradictory"""


@dataclass(frozen=True, slots=True)
class PreparedAnswers:
    """Stands for a model; its answers were made before."""

    answers: tuple[str, ...]

    async def chat(self, turns: Sequence[Turn], sampling: Sampling) -> Reply:
        """Return all answers, for any chat."""
        samples = tuple(Sample(text=answer, finish="stop") for answer in self.answers)
        return Reply(samples=samples, usage=Usage(), seconds=0.0)


async def knowledge_pair(
    problem: InformalProblem,
    lean: Leans,
    options: FormalizeOptions,
    *,
    formalizer: Chatter | None = None,
    judge: Chatter | None = None,
) -> StageResult:
    """Make a pair of a problem.

    Args:
        problem: in words, with or without the answers of a formalizer.
        lean: the Lean for a header.
        options: how answers are sampled and compared; each answer counts as it is, without repair.
        formalizer: the model, for problems without answers.
        judge: a model that rejects statements; None: no judge.

    Raises:
        Unanswered: a model or Lean gave no answer.
    """
    own = options if problem.header is None else replace(options, header=problem.header)
    model = PreparedAnswers(problem.candidates) if problem.candidates else formalizer
    if model is None:
        return StageResult(_dropped(problem, "it has no candidates, and there is no model"), "no candidates")
    try:
        formalization = await autoformalize(model, lean(own.header), problem.problem, replace(own, rounds=1))
        if formalization.outcome == "unknown":
            silent = (sample.reason for sample in formalization.samples if sample.outcome == "unanswered")
            raise Unanswered(next(silent, None) or "Lean did not answer in time")
        if formalization.statement is None:
            why = _why_none(formalization)
            return StageResult(_dropped(problem, why, formalization), why)
        verdict = None if judge is None else await _judged(judge, problem.problem, formalization.statement)
    except (ModelFailure, BudgetSpent, NoLean) as failure:
        raise Unanswered(str(failure)) from failure
    pair = KnowledgePair(
        name=problem.name,
        problem=problem.problem,
        header=own.header,
        formal_statement=formalization.statement.removeprefix(own.header.strip()).strip(),
        samples=len(formalization.samples),
        valid=sum(len(group.members) for group in formalization.classes),
        agreeing=len(formalization.classes[0].members),
        verdict=verdict,
    )
    return StageResult(pair, None if verdict is None else _thrown_out(verdict))


async def _judged(judge: Chatter, problem: str, statement: str) -> str:
    question = Turn(
        role="user", content=_QUESTION.format(problem=problem.strip(), statement=statement.strip())
    )
    reply = await judge.chat([question], Sampling(temperature=0.0, max_tokens=4096))
    return after_thinking(reply.samples[0].text).strip()


def _thrown_out(words: str) -> str | None:
    """Return the judge's reason to reject a statement; None if it accepts."""
    decisions = _JUDGED.findall(words)
    if not decisions:
        return "the judge gave no verdict"
    return None if decisions[-1].lower() == "keep" else f"judged {decisions[-1].lower()}"


def _why_none(formalization: Formalization) -> str:
    """Return the most frequent outcome of the answers."""
    kinds = Counter(sample.outcome for sample in formalization.samples)
    if not kinds:
        return "no candidates"
    return "contradictory or false" if kinds.most_common(1)[0][0] == "empty" else "no valid candidate"


def _dropped(problem: InformalProblem, reason: str, formalization: Formalization | None = None) -> Dropped:
    reasons = (
        {} if formalization is None else {"candidates": [sample.reason for sample in formalization.samples]}
    )
    return Dropped(name=problem.name, problem=problem.problem, reason=reason, details=reasons)
