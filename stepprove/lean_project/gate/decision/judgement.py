"""The gate's verdict on a declaration, and its judgement on a candidate."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepprove.lean_project.messages import evaluates_a_sorry, first_line
from stepprove.lean_project.repl.protocol import Message
from stepprove.outcome import Outcome

__all__ = ["Judgement", "Verdict", "errors_of", "first_error"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Verdict(_Record):
    """The gate's verdict on one declaration of the original."""

    name: str
    kind: str
    """As in `DeclarationFacts`; `missing` when the candidate lacks it, `undeclared` when the original does."""
    outcome: Outcome
    reason: str | None = None
    axioms: tuple[str, ...] = ()


class Judgement(_Record):
    """The gate's verdict on a whole candidate."""

    outcome: Outcome
    """PROVED if every target is."""
    reason: str | None = None
    culprit: str | None = None
    """The declaration that makes the gate reject the whole candidate."""
    violation: str | None = Field(
        default=None, validation_alias=AliasChoices("breach", "violation"), serialization_alias="breach"
    )
    """Why the gate rejects the whole candidate, even if each of its declarations is proved; None: it does not."""
    verdicts: tuple[Verdict, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every target is proved."""
        return self.outcome is Outcome.PROVED

    def verdict(self, name: str) -> Verdict | None:
        """The verdict on one declaration, or None when the original has no such name."""
        return next((v for v in self.verdicts if v.name == name), None)


def errors_of(messages: Iterable[Message]) -> list[Message]:
    """The errors among Lean's messages, without those of an `#eval` that Lean does not run because its term depends on `sorry`.

    Such an `#eval` declares nothing, and the environment shows which declarations depend on `sorry`.
    """
    return [m for m in messages if m.severity == "error" and not evaluates_a_sorry(m.data)]


def first_error(errors: Iterable[Message]) -> str:
    """The first of these errors, in one sentence."""
    error = next(iter(errors))
    return f"line {error.pos.line}: {first_line(error.data)}"
