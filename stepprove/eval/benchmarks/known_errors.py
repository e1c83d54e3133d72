"""Statements that are known not to say what they should: a list in a data file, each with its reason and evidence.

Copies of a benchmark differ, and errors get mended. So an entry is for a statement, not for a name: it fits a text that states
the theorem in the same words, whatever stands around it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter

from stepprove.lean_project.source.lexer import tokenize


class KnownError(BaseModel):
    """An entry of the list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: str
    """From `theorem` up to its `:=`."""
    reason: str
    evidence: str
    """Where it is shown: an address, or a proof of the negation."""

    @property
    def told(self) -> str:
        """Reason and evidence."""
        return f"{self.reason} ({self.evidence})"

    def fits(self, source: str) -> bool:
        """Whether a text states this theorem, word for word."""
        return _words(self.statement) in _words(source)


@cache
def known_errors(benchmark: str) -> tuple[KnownError, ...]:
    """The entries for a benchmark."""
    file = files("stepprove.eval.benchmarks") / "known" / f"{benchmark}.json"
    if not file.is_file():
        return ()
    return tuple(TypeAdapter(list[KnownError]).validate_json(file.read_bytes()))


@cache
def _words(text: str) -> str:
    """A text's words, each with a space around it."""
    return f" {' '.join(text[token.start : token.end] for token in tokenize(text))} "
