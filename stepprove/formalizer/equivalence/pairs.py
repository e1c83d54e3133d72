"""The records of the ThinkingF stages."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepprove.formalizer.prompts import STEPFUN
from stepprove.serving.client.answer import after_thinking
from stepprove.serving.client.exchange import Turn


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class InformalProblem(_Record):
    """A problem in words, with a formalizer's answers if there are any."""

    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "id", "problem_id", "uuid"))
    problem: str = Field(
        min_length=1,
        validation_alias=AliasChoices(
            "problem", "informal_statement", "informal", "nl_statement", "natural_language", "statement"
        ),
    )
    header: str | None = None
    """The header of its statement, if it differs from the common one."""
    candidates: tuple[str, ...] = ()
    """Answers of a formalizer; if there are some, no model is called."""


class Pair(_Record):
    """A problem in words and its statement."""

    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "id", "problem_id", "uuid"))
    problem: str = Field(
        min_length=1,
        validation_alias=AliasChoices(
            "problem", "informal_statement", "informal", "nl_statement", "natural_language", "informal_prefix"
        ),
    )
    header: str = ""
    formal_statement: str = Field(
        min_length=1, validation_alias=AliasChoices("formal_statement", "statement", "lean_code", "formal")
    )
    """From its keyword to `sorry`, with its definitions beyond the header."""


class KnowledgePair(Pair):
    """A pair with the majority of a formalizer's answers."""

    samples: int
    valid: int
    """Answers that Lean accepts and that are not empty."""
    agreeing: int
    """Valid answers that are equivalent to this one."""
    verdict: str | None = None
    """The judge's words, if there was one."""


class ReasoningTrajectory(Pair):
    """A pair, and reasoning whose statement is equivalent to the pair's."""

    reasoning: str
    answer: str
    """The Lean code at the end of the reasoning."""


class Dropped(_Record):
    """A dropped record and the reason."""

    name: str | None
    problem: str
    reason: str
    details: dict[str, Any] = {}


def messages(pair: Pair, thoughts: str, answer: str) -> list[dict[str, str]]:
    """Return the chat for training: StepFun-Formalizer's prompt, and `<think>…</think>` before the code."""
    prompt: list[Turn] = STEPFUN.turns(pair.problem, pair.header, mathlib=True)
    code = "\n\n".join(part for part in (pair.header.strip(), answer.strip()) if part)
    answer_text = f"<think>{thoughts}</think>\n\n```lean4\n{code}\n```"
    return [*(turn.model_dump() for turn in prompt), {"role": "assistant", "content": answer_text}]


def thoughts_of(text: str) -> str:
    """Return the text before the last Lean block, without the thinking tags."""
    thoughts = after_thinking(text) if "</think>" in text else text
    return thoughts[: thoughts.rfind("```lean")].rstrip() if "```lean" in thoughts else thoughts.rstrip()
