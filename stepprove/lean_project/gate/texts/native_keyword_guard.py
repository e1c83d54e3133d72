"""A guard on the words of a text: it must keep another text's nameless definitions and must not gain power over Lean.

A native REPL does not list nameless declarations (instances, attributes, notation), so the candidate must repeat their text.
It also prints whatever a program in the text makes it print.
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
"""The gate compares the statements of these commands."""

_NAMELESS = frozenset(
    {
        *("instance", "opaque", "deriving", "attribute", "notation", "notation3", "infix", "infixl", "infixr", "prefix"),
        *("postfix", "macro", "macro_rules", "syntax", "elab", "elab_rules", "simproc", "initialize", "unif_hint"),
    }
)  # fmt: skip
"""Words of commands that define something nameless, or a value that Lean does not print."""

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
"""Words that let a text run programs, change the meaning or output of commands, or hide a declaration from the kernel."""

_HOOK = re.compile(
    r"builtin_\w*|(?:\w+_)?(?:elab|parser|delab|unexpander|formatter|parenthesizer|simproc|proc|linter|handler)"
    r"|tactic|init|export|norm_num|positivity|simprocAttr"
)
"""Attributes that hook a definition into Lean itself."""

_KERNEL_OFF = "skipKernelTC"


def lost_command(before: SourceFile, after: SourceFile) -> int | None:
    """The line of the first command of `before` that defines something nameless and is not in `after` word for word.

    A hole, with the `by` before it, matches any words. None: `after` has every such command.
    """
    theirs = [_words(after, chunk) for chunk in after.chunks]
    for index, chunk in enumerate(before.chunks):
        if chunk.keyword in _STATING or _NAMELESS.isdisjoint(_words(before, chunk)):
            continue
        holes = [hole for hole in before.holes if hole.chunk == index]
        place = next((i for i, words in enumerate(theirs) if _fits(before, chunk, holes, words)), None)
        if place is None:
            return before.text.count("\n", 0, chunk.start) + 1
        del theirs[place]
    return None


def added_power(before: SourceFile, after: SourceFile) -> str | None:
    """A word that gives `after` power over Lean, in a command that is not in `before` word for word; or None."""
    mine = [(index, chunk) for index, chunk in enumerate(before.chunks) if _powers(before, chunk)]
    for chunk in after.chunks:
        if not (powers := _powers(after, chunk)):
            continue
        words = _words(after, chunk)
        for place, (index, own_chunk) in enumerate(mine):
            holes = [hole for hole in before.holes if hole.chunk == index]
            if _fits(before, own_chunk, holes, words) and not powers - _powers(before, own_chunk):
                del mine[place]
                break
        else:
            return min(powers)
    return None


def powers(source: SourceFile) -> frozenset[str]:
    """The words that let a text run programs, change the meaning of commands, or hide a declaration from the kernel."""
    return frozenset(word for chunk in source.chunks for word in _powers(source, chunk))


def _powers(source: SourceFile, chunk: Chunk) -> Counter[str]:
    counts: Counter[str] = Counter()
    bracket = None  # the depth of the list of attributes
    last = ""
    for token in tokenize(source.text[chunk.start : chunk.end]):
        if token.text == "[" and last in ("@", "attribute"):
            bracket = token.depth
        elif bracket is not None and token.kind == "close" and token.depth == bracket:
            bracket = None
        word = ".".join(components(token.text)) if token.kind == "word" else token.text
        hooks = bracket is not None and token.kind == "word" and _HOOK.fullmatch(word)
        if hooks or (token.kind in ("word", "hash") and token.text in _POWERS) or word.endswith(_KERNEL_OFF):
            counts[word] += 1
        last = token.text
    return counts


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
