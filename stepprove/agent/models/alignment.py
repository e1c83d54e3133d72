"""Extract the proof of one hole from a declaration that a model has rewritten.

The model receives a declaration and answers with a whole declaration. Only the text in the hole's place is taken from it; the
statement and the rest of the file stay the user's. The comparison is by tokens, without white space and comments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import dedent

from stepprove.lean_project.source.file import Declaration, Hole, SourceFile, parse_source
from stepprove.lean_project.source.lexer import Token

_HELPERS = ("theorem", "lemma")


def proof_in(source: SourceFile, hole: Hole, answer: str) -> str | None:
    """Return the tactics that stand in the hole's place in the answer.

    Lemmas that the answer states first become `have`s if the proof uses them.

    Args:
        source: the user's file.
        hole: the hole in it.
        answer: the model's Lean text.

    Returns:
        The tactics; None if the answer does not have this declaration.
    """
    if hole.declaration is None:
        return None
    mine = source.declarations[hole.declaration]
    pieces = _pieces(source, mine)
    place = mine.holes.index(hole.index)
    theirs = parse_source(answer)
    for declaration in reversed(theirs.declarations):
        tokens = _tokens(theirs, declaration)
        gap = _gap(pieces, tokens, place)
        if gap is not None:
            words, term = gap
            proof = _script(theirs, words, term or hole.kind == "term")
            return _with_helpers(theirs, declaration, source, proof)
    return None


def _tokens(source: SourceFile, declaration: Declaration) -> list[Token]:
    return [t for t in source.positions.code.tokens if declaration.start <= t.start < declaration.end]


def _pieces(source: SourceFile, declaration: Declaration) -> list[list[Token]]:
    """Split a declaration's tokens at its holes."""
    starts = {source.holes[index].start for index in declaration.holes}
    pieces: list[list[Token]] = [[]]
    for token in _tokens(source, declaration):
        if token.start in starts:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _word(token: Token) -> tuple[str, str]:
    text = "theorem" if token.text == "lemma" else token.text
    return token.kind, text


def _same(some: Sequence[Token], others: Sequence[Token]) -> bool:
    return [_word(t) for t in some] == [_word(t) for t in others]


def _gap(
    pieces: Sequence[Sequence[Token]], tokens: Sequence[Token], place: int
) -> tuple[Sequence[Token], bool] | None:
    """Return the tokens at a hole's place and whether they are a term in place of tactics; None if the rest differs."""
    first, *others = pieces
    start = len(first)
    term = False
    stated = [*tokens[:1], *([first[1]] if _one_name(first, tokens) else tokens[1:2]), *tokens[2:start]]
    if not _same(first, stated):
        # A model may answer `:= by sorry` with `:= term`.
        if first[-1].text != "by" or not _same(first[:-1], stated[: start - 1]):
            return None
        start, term = start - 1, True
    found = None
    for number, piece in enumerate(others):
        end = _end_of_gap(tokens, start, piece, last=number == len(others) - 1)
        if end is None:
            return None
        if number == place and end > start:
            found = tokens[start:end], term and number == 0
        start = end + len(piece)
    return found


def _one_name(some: Sequence[Token], others: Sequence[Token]) -> bool:
    """Return whether two declarations have the same name, up to leading namespaces."""
    if min(len(some), len(others)) < 2 or {some[1].kind, others[1].kind} != {"word"}:
        return False
    one, other = sorted((some[1].text, others[1].text), key=len)
    return one == other or other.endswith(f".{one}")


def _end_of_gap(tokens: Sequence[Token], start: int, piece: Sequence[Token], *, last: bool) -> int | None:
    """Return the end of a gap that begins at `start`: before the next piece, or the tokens' end for the last gap."""
    if last:
        end = len(tokens) - len(piece)
        return end if end >= start and _same(piece, tokens[end:]) else None
    ends = range(start + 1, len(tokens) - len(piece) + 1)
    return next((end for end in ends if _same(piece, tokens[end : end + len(piece)])), None)


def _script(source: SourceFile, tokens: Sequence[Token], term: bool) -> str:
    """Return tokens as tactics, with the first line at the margin."""
    text = source.text[tokens[0].start : tokens[-1].end]
    column = source.positions.code.column(tokens[0].start)
    if tokens[0].text == "by":
        text, column = text[2:], column + 2
    elif term:
        return f"exact (\n  {text})" if "\n" in text else f"exact {text}"
    return dedent(" " * column + text).strip("\n")


def _with_helpers(theirs: SourceFile, declaration: Declaration, source: SourceFile, proof: str) -> str:
    """Return a proof with the lemmas that it uses, in the answer's order."""
    declared = {d.name for d in source.declarations}
    script = [proof]
    for helper in reversed(theirs.declarations[: declaration.index]):
        if helper.keyword not in _HELPERS or helper.name is None or helper.name in declared:
            continue
        word = re.compile(rf"(?<![\w'.]){re.escape(helper.name)}(?![\w'])")
        if any(word.search(part) for part in script):
            tokens = _tokens(theirs, helper)
            script.insert(0, "have" + theirs.text[tokens[0].end : tokens[-1].end])
    return "\n".join(script)
