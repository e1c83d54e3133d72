"""Records that the stages of ThinkingF read and write."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepprove.formalizer.prompts import STEPFUN
from stepprove.serving.client.answer import after_thinking
from stepprove.serving.client.exchange import Turn


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class InformalProblem(_Record):
    """A problem in words, and the answers of a formalizer where it has been asked already."""

    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "id", "problem_id", "uuid"))
    problem: str = Field(
        min_length=1,
        validation_alias=AliasChoices(
            "problem", "informal_statement", "informal", "nl_statement", "natural_language", "statement"
        ),
    )
    header: str | None = None
    """What its statement stands on, where it is not the one of all."""
    candidates: tuple[str, ...] = ()
    """Answers of a formalizer; where there are some, no model is asked."""


class Pair(_Record):
    """A problem in words and the statement that it means."""

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
    """From its keyword to `sorry`, with what it needs beyond the header."""


class KnowledgePair(Pair):
    """A pair that the majority of a formalizer's answers stands behind."""

    samples: int
    valid: int
    """Of them, those that Lean read and that say something."""
    agreeing: int
    """Of these, those that say the same as this one."""
    verdict: str | None = None
    """The judge's words, where there was one."""


class ReasoningTrajectory(Pair):
    """A pair, and the reasoning that leads to a statement which says the same as the pair's."""

    reasoning: str
    answer: str
    """The Lean code at the end of the reasoning."""


class Dropped(_Record):
    """What is known of a record that was not kept."""

    name: str | None
    problem: str
    reason: str
    details: dict[str, Any] = {}


def messages(pair: Pair, thoughts: str, answer: str) -> list[dict[str, str]]:
    """The chat that a model is to learn: StepFun-Formalizer's prompt, and `<think>…</think>` before the code."""
    asked: list[Turn] = STEPFUN.turns(pair.problem, pair.header, mathlib=True)
    code = "\n\n".join(part for part in (pair.header.strip(), answer.strip()) if part)
    said = f"<think>{thoughts}</think>\n\n```lean4\n{code}\n```"
    return [*(turn.model_dump() for turn in asked), {"role": "assistant", "content": said}]


def thoughts_of(text: str) -> str:
    """What stands before the last Lean block of a text, without the marks of thinking."""
    said = after_thinking(text) if "</think>" in text else text
    return said[: said.rfind("```lean")].rstrip() if "```lean" in said else said.rstrip()
