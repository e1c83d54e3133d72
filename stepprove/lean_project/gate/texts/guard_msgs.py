"""Errors that a text hides: `#guard_msgs` removes a command's messages, errors included."""

from __future__ import annotations

from collections import Counter

from stepprove.lean_project.source.file import Chunk, Edit, SourceFile, apply_edits, parse_source
from stepprove.lean_project.source.lexer import Token, tokenize

_GUARD = "#guard_msgs"


def unguarded(original: str, candidate: str) -> str | None:
    """Blank out each `#guard_msgs … in` of the candidate that the original does not have word for word; None if there is none.

    Lines keep their numbers. The documentation comment before a `#guard_msgs` states its expectation and is blanked too.
    """
    if _GUARD not in candidate:
        return None
    before, after = parse_source(original), parse_source(candidate)
    guards = Counter(_words(before, chunk) for chunk in before.chunks if _GUARD in chunk.text)
    edits: list[Edit] = []
    for chunk in after.chunks:
        if _GUARD not in chunk.text:
            continue
        words = _words(after, chunk)
        if guards[words] > 0:
            guards[words] -= 1
        else:
            edits += _guards(chunk)
    return apply_edits(candidate, edits) if edits else None


def _words(source: SourceFile, chunk: Chunk) -> tuple[str, ...]:
    text = source.text[chunk.start : chunk.end]
    return tuple(text[t.start : t.end] for t in tokenize(text))


def _guards(chunk: Chunk) -> list[Edit]:
    tokens = list(tokenize(chunk.text))
    edits = []
    for number, token in enumerate(tokens):
        if token.text != _GUARD:
            continue
        first = tokens[number - 1] if number and tokens[number - 1].kind == "doc" else token
        last = _end(tokens, number)
        gone = chunk.text[first.start : last.end]
        blank = "".join(c if c == "\n" else " " for c in gone)
        edits.append(Edit(chunk.start + first.start, chunk.start + last.end, blank))
    return edits


def _end(tokens: list[Token], number: int) -> Token:
    """The token `in` that belongs to the `#guard_msgs` with this index."""
    depth = tokens[number].depth
    rest = (t for t in tokens[number + 1 :] if t.text == "in" and t.depth == depth)
    return next(rest, tokens[number])
