"""Whether a text still has what another one defines, and no more power than that one; told from the words alone.

An engine that answers nothing but commands does not tell what is declared without a name (an instance, an attribute, a
notation), so there the text itself must still be there. And it believes whatever a program in the text makes it print.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from stepprove.lean_project.source.file import Chunk, Hole, SourceFile
from stepprove.lean_project.source.lexer import tokenize
from stepprove.lean_project.source.names import components

__all__ = ["added_power", "lost_command", "powers"]

_STATING = frozenset({"theorem", "lemma", "example"})
"""The gate holds their statements against each other."""

_NAMELESS = frozenset(
    {
        *("instance", "opaque", "deriving", "attribute", "notation", "notation3", "infix", "infixl", "infixr", "prefix"),
        *("postfix", "macro", "macro_rules", "syntax", "elab", "elab_rules", "simproc", "initialize", "unif_hint"),
    }
)  # fmt: skip
"""Words of commands that define what has no name, or a value that is not printed."""

_POWERS = frozenset(
    {
        *("macro", "macro_rules", "syntax", "declare_syntax_cat", "elab", "elab_rules", "binder_predicate"),
        *("notation", "notation3", "infix", "infixl", "infixr", "prefix", "postfix"),
        *("simproc", "simproc_decl", "dsimproc", "dsimproc_decl", "builtin_simproc", "builtin_dsimproc"),
        *(
            "initialize",
            "builtin_initialize",
            "run_cmd",
            "run_meta",
            "run_elab",
            "run_tac",
            "run_conv",
            "by_elab",
        ),
        *("#eval", "#eval!", "unsafe", "partial", "implemented_by", "extern", "csimp"),
    }
)
"""Words with which a text runs programs, changes what commands mean and print, or keeps something from the kernel."""

_HOOK = re.compile(
    r"builtin_\w*|(?:\w+_)?(?:elab|parser|delab|unexpander|formatter|parenthesizer|simproc|proc|linter|handler)"
    r"|tactic|init|export|norm_num|positivity|simprocAttr"
)
"""Attributes that make a definition part of Lean."""

_KERNEL_OFF = "skipKernelTC"


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


def added_power(before: SourceFile, after: SourceFile) -> str | None:
    """A word of `after` that gives it power over Lean, in a command that `before` does not have word for word; or None."""
    mine = [(index, chunk) for index, chunk in enumerate(before.chunks) if _powers(before, chunk)]
    for chunk in after.chunks:
        if not (powers := _powers(after, chunk)):
            continue
        words = _words(after, chunk)
        for place, (index, known) in enumerate(mine):
            holes = [hole for hole in before.holes if hole.chunk == index]
            if _fits(before, known, holes, words) and not powers - _powers(before, known):
                del mine[place]
                break
        else:
            return min(powers)
    return None


def powers(source: SourceFile) -> frozenset[str]:
    """The words of a text with which it runs programs, changes what commands mean, or keeps something from the kernel."""
    return frozenset(word for chunk in source.chunks for word in _powers(source, chunk))


def _powers(source: SourceFile, chunk: Chunk) -> Counter[str]:
    found: Counter[str] = Counter()
    bracket = None  # the depth in the list of attributes
    last = ""
    for token in tokenize(source.text[chunk.start : chunk.end]):
        if token.text == "[" and last in ("@", "attribute"):
            bracket = token.depth
        elif bracket is not None and token.kind == "close" and token.depth == bracket:
            bracket = None
        word = ".".join(components(token.text)) if token.kind == "word" else token.text
        hooks = bracket is not None and token.kind == "word" and _HOOK.fullmatch(word)
        if hooks or (token.kind in ("word", "hash") and token.text in _POWERS) or word.endswith(_KERNEL_OFF):
            found[word] += 1
        last = token.text
    return found


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
