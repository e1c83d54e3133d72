"""Names for `example`s: they leave nothing in an environment, so the gate looks at them under a name of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from stepprove.lean_project.source.file import Declaration, Edit, SourceFile
from stepprove.lean_project.source.lexer import tokenize

EXAMPLE = "example"
AS_DEFINITION = "noncomputable def"
"""Like an `example`, a definition takes in the section variables that its body uses and may be of any type; a `theorem` does
neither."""


@dataclass(frozen=True, slots=True)
class NamedExample:
    """An `example` of a source text and the declaration that stands for it."""

    name: str
    line: int
    chunk: int
    edit: Edit
    """Replaces the keyword."""


_VISIBILITY = frozenset({"private", "public"})
_OF_DEFINITIONS = ("unsafe", "partial", "nonrec")
_MODIFIERS = frozenset({*_VISIBILITY, *_OF_DEFINITIONS, "protected", "noncomputable"})


def name_examples(source: SourceFile, keyword: str = AS_DEFINITION) -> list[NamedExample]:
    """Give each `example` a name by its line."""
    return [
        name_example(source, d, f"stepprove_example_{d.line}", keyword)
        for d in source.declarations
        if d.keyword == EXAMPLE
    ]


def name_example(
    source: SourceFile, declaration: Declaration, name: str, keyword: str = AS_DEFINITION
) -> NamedExample:
    """Give one `example` a name of the root namespace, where nothing may be `protected`.

    The modifiers before it are replaced with it, for those of the keyword come among them: `private noncomputable nonrec def`.
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
    lines = "\n" * source.text.count("\n", start, end)  # so that what follows stays on its line
    return NamedExample(name, declaration.line, declaration.chunk, Edit(start, end, lines + " ".join(words)))


Words = tuple[tuple[str, ...], tuple[str, ...]]
"""Those of a statement, and some of what follows."""


def statement_words(source: SourceFile, declaration: Declaration) -> Words:
    """The code of an `example` up to its proof, and some of what follows; comments, white space and line breaks do not count.

    The proof begins with the first `:=`, `where` or alternative `| … =>` outside of brackets. Text alone cannot always tell:
    `let x := 1; x = 1` and `f = fun | 0 => 1 | n + 1 => n` end early, so what follows tells examples apart that agree so far.
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
"""Words after what is taken for the statement."""


def paired(mine: Sequence[Words], theirs: Sequence[Words]) -> list[int | None]:
    """For each statement the place of the first one that stands for it and for no other, None where there is none.

    The words must be the same, but for what stands where a statement has a `sorry`. Of several the one that agrees for longest
    in what follows. Whether it says the same is not decided here.
    """
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, (statement, _) in enumerate(theirs):
        alike.setdefault(statement, []).append(place)
    found: list[int | None] = []
    for statement, rest in mine:
        places = alike.get(statement, [])
        best = max(places[:_COMPARED], key=lambda p: (_shared(rest, theirs[p][1]), -p), default=None)
        if best is not None:
            places.remove(best)
        found.append(best)
    free = sorted(place for places in alike.values() for place in places)
    for number, (statement, _) in enumerate(mine):
        if found[number] is None and "sorry" in statement:
            found[number] = next((p for p in free if _fills(theirs[p][0], statement)), None)
            free = [p for p in free if p != found[number]]
    return found


_COMPARED = 16
"""Statements of the same words that are told apart by what follows."""


def _shared(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """How many words two sequences begin with in common."""
    pairs = enumerate(zip(mine, theirs, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(mine), len(theirs)))


def _fills(words: tuple[str, ...], holed: tuple[str, ...]) -> bool:
    """Whether `words` are `holed` with something in the place of each `sorry`."""
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
        at = start + len(piece) + 1  # a hole is filled with a word at least
    return at <= end and words[end:] == last
