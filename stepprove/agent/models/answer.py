"""Extract Lean code from a model's answer."""

from __future__ import annotations

from stepprove.lean_project.source.lexer import tokenize
from stepprove.serving.client.answer import code_of

__all__ = ["code_of", "without_beginning"]


def without_beginning(text: str, beginning: str) -> str:
    """Remove `beginning` from the start of a Lean text if all its tokens match; white space and comments may differ."""
    tokens, expected = tokenize(text), tokenize(beginning)
    same = [(t.kind, t.text) for t in tokens[: len(expected)]] == [(t.kind, t.text) for t in expected]
    return text[tokens[len(expected) - 1].end :].lstrip() if expected and same else text
