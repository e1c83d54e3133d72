"""Names for `example`s: Lean does not add an `example` to the environment, so the gate judges it under a name of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from stepprove.lean_project.source.file import Declaration, Edit, SourceFile
from stepprove.lean_project.source.lexer import tokenize

EXAMPLE = "example"
AS_DEFINITION = "noncomputable def"
"""A definition, like an `example`, may have any type and gets the section variables that its body uses; a `theorem`
does neither."""


@dataclass(frozen=True, slots=True)
class NamedExample:
    """An `example` of a source text and its named form."""

    name: str
    line: int
    chunk: int
    edit: Edit
    """Replaces the keyword."""


_VISIBILITY = frozenset({"private", "public"})
_OF_DEFINITIONS = ("unsafe", "partial", "nonrec")
_MODIFIERS = frozenset({*_VISIBILITY, *_OF_DEFINITIONS, "protected", "noncomputable"})


def name_examples(source: SourceFile, keyword: str = AS_DEFINITION) -> list[NamedExample]:
    """Name each `example` by its line."""
    return [
        name_example(source, d, f"stepprove_example_{d.line}", keyword)
        for d in source.declarations
        if d.keyword == EXAMPLE
    ]


def name_example(
    source: SourceFile, declaration: Declaration, name: str, keyword: str = AS_DEFINITION
) -> NamedExample:
    """Give one `example` a name in the root namespace, where nothing may be `protected`.

    The edit also replaces its modifiers, since the keyword adds some among them: `private noncomputable nonrec def`.
    """
    tokens = source.positions.code.tokens
    at = bisect_left(tokens, declaration.start, key=lambda token: token.start)
    written: set[str] = set()
    while at and tokens[at - 1].kind == "word" and tokens[at - 1].text in _MODIFIERS:
        at -= 1
        written.add(tokens[at].text)
    start, end = tokens[at].start, declaration.start + len(EXAMPLE)
    *others, last = keyword.split()
    after = [word for word in _OF_DEFINITIONS if word in written and (last == "def" or word == "nonrec")]
    words = [*sorted(written & _VISIBILITY), *others, *after, last, f"_root_.{name}"]
    lines = "\n" * source.text.count("\n", start, end)  # keeps the line numbers of the rest
    return NamedExample(name, declaration.line, declaration.chunk, Edit(start, end, lines + " ".join(words)))


Words = tuple[tuple[str, ...], tuple[str, ...]]
"""The words of a statement, and some words after it."""


def statement_words(source: SourceFile, declaration: Declaration) -> Words:
    """The words of an `example` up to its proof, and some words after it, without comments and white space.

    The proof begins with the first `:=`, `where` or alternative `| … =>` outside of brackets. Text alone does not always show
    this: `let x := 1; x = 1` and `f = fun | 0 => 1 | n + 1 => n` end early. The words after distinguish such examples.
    """
    text = source.text[declaration.start : declaration.end]
    tokens = [t for t in tokenize(text) if t.kind not in {"doc", "moduledoc"}]
    words = [text[t.start : t.end] for t in tokens]
    end = len(tokens)
    bar: int | None = None
    for index, token in enumerate(tokens):
        if token.depth:
            continue
        if words[index] in {":=", "where"}:
            end = index
            break
        if words[index] == "|" and bar is None:
            bar = index
        elif words[index] == "=>" and bar is not None:
            end = bar
            break
    return tuple(words[:end]), tuple(words[end : end + _TOLD_APART_BY])


_TOLD_APART_BY = 64
"""How many words after the statement to keep."""


def paired(mine: Sequence[Words], theirs: Sequence[Words]) -> list[int | None]:
    """Pair each statement of `mine` with an unused one of `theirs` that has the same words.

    Any words may replace a `sorry` of the statement. Among several candidates the one wins whose later words agree for longest.
    The gate decides later whether the meanings agree.

    Returns:
        For each statement the index in `theirs`; None if there is no match.
    """
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, (statement, _) in enumerate(theirs):
        alike.setdefault(statement, []).append(place)
    pairs: list[int | None] = []
    for statement, rest in mine:
        places = alike.get(statement, [])
        best = max(places[:_COMPARED], key=lambda p: (_shared(rest, theirs[p][1]), -p), default=None)
        if best is not None:
            places.remove(best)
        pairs.append(best)
    free = sorted(place for places in alike.values() for place in places)
    for number, (statement, _) in enumerate(mine):
        if pairs[number] is None and "sorry" in statement:
            pairs[number] = next((p for p in free if _fills(theirs[p][0], statement)), None)
            free = [p for p in free if p != pairs[number]]
    return pairs


_COMPARED = 16
"""How many statements of the same words to compare by the words after them."""


def _shared(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """The length of the common prefix of two sequences of words."""
    pairs = enumerate(zip(mine, theirs, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(mine), len(theirs)))


def _fills(words: tuple[str, ...], holed: tuple[str, ...]) -> bool:
    """Whether `words` equals `holed` with some words in place of each `sorry`."""
    pieces: list[tuple[str, ...]] = [()]
    for word in holed:
        pieces = [*pieces, ()] if word == "sorry" else [*pieces[:-1], (*pieces[-1], word)]
    *inner, last = pieces
    at, end = 0, len(words) - len(last)
    for number, piece in enumerate(inner):
        starts = range(at, end - len(piece) + 1) if number else range(0, 1)
        start = next((i for i in starts if words[i : i + len(piece)] == piece), None)
        if start is None:
            return False
        at = start + len(piece) + 1  # at least one word fills a hole
    return at <= end and words[end:] == last
