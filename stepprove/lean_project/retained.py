"""Whether a text still has what another one defines, told from the words alone.

An engine that answers nothing but commands does not tell what is declared without a name (an instance, an attribute, a
notation), so there the text itself must still be there.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepprove.lean_project.lexer import tokenize
from stepprove.lean_project.source import Chunk, Hole, SourceFile

__all__ = ["lost_command"]

_STATING = frozenset({"theorem", "lemma", "example"})
"""The gate holds their statements against each other."""

_NAMELESS = frozenset(
    {
        *("instance", "opaque", "deriving", "attribute", "notation", "notation3", "infix", "infixl", "infixr", "prefix"),
        *("postfix", "macro", "macro_rules", "syntax", "elab", "elab_rules", "simproc", "initialize", "unif_hint"),
    }
)  # fmt: skip
"""Words of commands that define what has no name, or a value that is not printed."""


def lost_command(before: SourceFile, after: SourceFile) -> int | None:
    """The line of the first command of `before` that defines something nameless and that `after` does not have, word for word.

    A hole may hold anything, with the `by` before it. None: nothing is lost.
    """
    theirs = [_words(after, chunk) for chunk in after.chunks]
    for index, chunk in enumerate(before.chunks):
        if chunk.keyword in _STATING or _NAMELESS.isdisjoint(_words(before, chunk)):
            continue
        holes = [hole for hole in before.holes if hole.chunk == index]
        found = next((i for i, words in enumerate(theirs) if _fits(before, chunk, holes, words)), None)
        if found is None:
            return before.text.count("\n", 0, chunk.start) + 1
        del theirs[found]
    return None


def _words(source: SourceFile, chunk: Chunk, start: int | None = None, end: int | None = None) -> list[str]:
    first, last = chunk.start if start is None else start, chunk.end if end is None else end
    piece = source.text[first:last]
    return [piece[t.start : t.end] for t in tokenize(piece) if t.kind not in ("doc", "moduledoc")]


def _fits(source: SourceFile, chunk: Chunk, holes: Sequence[Hole], words: list[str]) -> bool:
    if not holes:
        return words == _words(source, chunk)
    before = _words(source, chunk, end=holes[0].start)
    if "by" in before:
        before = before[: len(before) - 1 - before[::-1].index("by")]
    after = _words(source, chunk, start=holes[-1].end)
    return (
        len(words) > len(before) + len(after)
        and words[: len(before)] == before
        and words[len(words) - len(after) :] == after
    )
