"""The two jobs of a pool as data: one model each for a local pool, a Lean server's JSON and its client."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.repl.protocol import InfoTreeKind
from stepprove.lean_project.source.file import SourceFile, parse_source

__all__ = ["CheckRequest", "Text", "VerifyRequest"]


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of one (a lone surrogate)") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""Text without lone surrogates, which JSON can spell although they are no characters."""


def _file(value: Any) -> SourceFile | str:
    text = value.text if isinstance(value, SourceFile) else value
    if not isinstance(text, str):
        raise ValueError("a Lean text is due")
    _encodable(text)
    return value  # type: ignore[no-any-return]


def _text_of(file: SourceFile | str) -> str:
    return file.text if isinstance(file, SourceFile) else file


File = Annotated[
    SourceFile | str,
    PlainValidator(_file),
    PlainSerializer(_text_of, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""A parsed Lean file, which JSON holds as its text; a request that came as JSON has the text until somebody parses it."""


class _Request(BaseModel):
    # A server must not ignore an unknown field, which could make the gate stricter.
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds for the text; None: the pool's own limit."""
    priority: int = Field(default=0, ge=-1000, le=1000)
    """A job of priority 1 precedes one of priority 0 that has waited up to 30 s longer."""


class CheckRequest(_Request):
    """Elaborate a text."""

    code: Text
    """Lean source, with its imports unless `header` has them."""
    header: Text | None = None
    """Imports before `code`; each process elaborates them once."""
    all_tactics: bool = False
    """List every tactic call."""
    infotree: InfoTreeKind | None = None
    """Print the info trees of this kind."""
    facts: bool = False
    """Return facts about the text's declarations and their axioms, if the engine supports `inspect`."""


class VerifyRequest(_Request):
    """Have the trust gate judge a candidate."""

    original: File
    """The file that states the targets."""
    candidate: File
    """The file that claims to prove them."""
    policy: Policy = Policy()
    """What to allow beyond the standard."""
    targets: tuple[Text, ...] | None = None
    """Names that must be proved; None: every theorem and `example` of the original."""
    prelude: Text | None = None
    """Lean source that replaces the imports of both texts."""

    def texts(self) -> tuple[str, str]:
        """The texts of the original and the candidate."""
        return _text_of(self.original), _text_of(self.candidate)

    def sources(self) -> tuple[SourceFile, SourceFile]:
        """The original and the candidate, parsed now if nobody has parsed them."""
        original, candidate = (
            file if isinstance(file, SourceFile) else parse_source(file)
            for file in (self.original, self.candidate)
        )
        return original, candidate
