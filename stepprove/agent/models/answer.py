"""The Lean code in what a model says."""

from __future__ import annotations

from stepprove.lean_project.source.lexer import tokenize
from stepprove.serving.client.answer import code_of

__all__ = ["code_of", "without_beginning"]


def without_beginning(text: str, beginning: str) -> str:
    """A Lean text without the words that `beginning` has, if it begins with all of them; white space and comments may differ."""
    said, known = tokenize(text), tokenize(beginning)
    same = [(t.kind, t.text) for t in said[: len(known)]] == [(t.kind, t.text) for t in known]
    return text[said[len(known) - 1].end :].lstrip() if known and same else text
