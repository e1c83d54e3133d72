"""Statements with known errors: a list in a data file, each entry with a reason and evidence.

Copies of a benchmark differ, and errors get fixed. An entry therefore matches a text that states the theorem in the same words,
whatever its name and context.
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
    """A URL, or a proof of the negation."""

    @property
    def explanation(self) -> str:
        """Reason and evidence."""
        return f"{self.reason} ({self.evidence})"

    def matches(self, source: str) -> bool:
        """Return whether a text states this theorem, word for word."""
        return _words(self.statement) in _words(source)


@cache
def known_errors(benchmark: str) -> tuple[KnownError, ...]:
    """Return the entries for a benchmark."""
    file = files("stepprove.eval.benchmarks") / "known" / f"{benchmark}.json"
    if not file.is_file():
        return ()
    return tuple(TypeAdapter(list[KnownError]).validate_json(file.read_bytes()))


@cache
def _words(text: str) -> str:
    """Return a text's words, each between spaces."""
    return f" {' '.join(text[token.start : token.end] for token in tokenize(text))} "
