"""Training texts of a formalizer in ThinkingF's two forms: the bare statement, and the statement after eight parts of reasoning.

The parts are StepFun-Formalizer's (arXiv 2508.04440, figure 3): four on the problem, four on the way to Lean. A language model
writes them for real problems (`formalizer/dataset/reasoning.py`); here they follow from a generated problem's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepprove.agent.models.stepfun import THINK_END
from stepprove.formalizer.prompts import STEPFUN
from stepprove.train.data.informal import Informal
from stepprove.train.data.informal.meaning import Meaning
from stepprove.train.sft.trajectories import TrainingText


def prompt_of(tokenizer: Any, problem: str) -> str:
    """Return the prompt of a problem, up to the start of the thinking."""
    turns = STEPFUN.turns(problem, "", mathlib=False)
    chat = [turn.model_dump() for turn in turns]
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))


def fixed_texts() -> tuple[str, ...]:
    """Return the prompt's constant parts; the tokenizer keeps each as one token."""
    mark = "\0"
    system, user = STEPFUN.turns(mark, "", mathlib=False)
    return (system.content, *user.content.split(mark))


def knowledge_text(tokenizer: Any, one: Informal, index: int) -> TrainingText:
    """Return the training text of stage 1: the statement after an empty thought."""
    return _text(tokenizer, one, index, "")


def reasoning_text(tokenizer: Any, one: Informal, index: int) -> TrainingText:
    """Return the training text of stage 2: the statement after the eight parts."""
    return _text(tokenizer, one, index, eight_parts(one.meaning))


def eight_parts(meaning: Meaning) -> str:
    """Return the template's eight parts, one line each."""
    supposed = [part.words[-1] for part in meaning.suppositions]
    restated = "; ".join([*supposed, meaning.claim.words[-1]])
    binders = meaning.binders[len(meaning.objects) :]
    lines = (
        restated,
        f"{len(meaning.objects)} kinds of objects, {len(supposed)} suppositions, 1 claim",
        "; ".join(meaning.concepts) or "nothing new",
        "; ".join(f"{group.listed} : {group.type}" for group in meaning.objects) or "no variables",
        "none",
        meaning.trap or "none",
        "; ".join([*binders, meaning.claim.lean]),
        "all is said and nothing else",
    )
    return "".join(f"{number}. {line}\n" for number, line in enumerate(lines, 1))


def _text(tokenizer: Any, one: Informal, index: int, thoughts: str) -> TrainingText:
    answer = f"{thoughts}{THINK_END}\n\n```lean4\n{one.statement}\n```{tokenizer.eos_token}"
    return TrainingText(
        index=index,
        family=one.family,
        rejected=0,
        pieces=((prompt_of(tokenizer, one.problem), False), (answer, True)),
    )


def corpus(problems: Sequence[Informal], prompt_texts: Sequence[str] = ()) -> list[str]:
    """Return the texts that a tokenizer learns its vocabulary from."""
    return [f"{one.problem}\n{eight_parts(one.meaning)}{one.statement}" for one in problems] + list(
        prompt_texts
    )
