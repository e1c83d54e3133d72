"""The layout of a proof that replaces a hole: `by`, brackets, line breaks and indentation.

The proof replaces the hole alone. The text around the hole decides the layout:

    := sorry             := by omega               a term: `by`, in brackets where more of the term follows
    f sorry x            f (by omega) x
      sorry                intro x⏎  omega         a tactic on its own line: further lines go under it
    · sorry              · intro x⏎  omega         so too after a bullet and after `(`
    by sorry             by ⏎  intro x⏎  omega     after `by` and `=>`, several lines go below, indented
    simp <;> sorry       simp <;> (intro x⏎ omega) after `<;>`, `;` and `try` they go in brackets
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from stepprove.lean_project.source.holes import COMBINATORS, Positions
from stepprove.lean_project.source.lexer import Code, Token, tokenize

__all__ = ["lay_out"]

_STEP = 2
"""Columns by which a block is indented."""

# After these a term may begin with `by`, without brackets if nothing of the term follows.
_OPEN_END = frozenset([":=", "=>", "↦", "<|", "$", "(", "⟨", "[", ",", "exact", "from", "refine", "return"])
# The token after one of these sets the column for the rest of its block.
_POSITIONS = frozenset(["calc", "do", "where", "{"])
_DECLARATIONS = frozenset(["theorem", "lemma", "def", "abbrev", "example", "instance", "opaque"])
_INLINE = re.compile(r"[\w.?!']+(?: ?\[[^\[\]\n]*\])?")
"""A script that cannot absorb the text after it: one word, perhaps with a list."""


def lay_out(
    positions: Positions, start: int, kind: Literal["tactic", "term"], script: str, *, term: bool = False
) -> str:
    """The text that replaces the hole at an offset.

    Args:
        positions: the file.
        start: the offset of the hole's token, in code points.
        kind: whether the hole needs a tactic or a term.
        script: tactics, with or without `by` before them; a term if `term` is set. Only the relative indentation of its lines
            matters. A comment at its end is dropped.
        term: whether the script is a term.

    Raises:
        ValueError: the script has no code in it.
    """
    text = script.replace("\r\n", "\n")
    block = _term_block(text, exact=kind == "tactic") if term else _tactic_block(text)
    place = _Place(positions, bisect_left(positions.code.tokens, start, key=lambda token: token.start))
    if kind == "tactic":
        filled = place.tactics(block)
    elif term:
        filled = place.term(block)
    else:
        filled = place.proof(block)
    return filled.replace("\n", _line_ending(positions.code.text, start))


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines of a proof without their common indentation."""

    lines: tuple[str, ...]
    fixed: frozenset[int]
    """Numbers of lines that begin inside a string: their indentation is part of it."""

    @property
    def is_inline(self) -> bool:
        """Whether the block cannot absorb the text after it."""
        return len(self.lines) == 1 and _INLINE.fullmatch(self.lines[0]) is not None

    def at(self, column: int) -> str:
        """The block as text: the first line without indentation, the others at a column."""
        return "\n".join(
            line if number == 0 or number in self.fixed or not line else " " * column + line
            for number, line in enumerate(self.lines)
        )


def _tactic_block(script: str) -> _Block:
    tokens = tokenize(script)
    if tokens and tokens[0].text == "by":
        script = script[: tokens[0].start] + "  " + script[tokens[0].end :]
        tokens = tokens[1:]
    return _block(script, tokens)


def _term_block(script: str, *, exact: bool) -> _Block:
    """A term; with `exact` before it, a tactic."""
    block = _block(script, tokenize(script))
    if not exact:
        return block
    first, *others = block.lines
    deeper = [
        line if number in block.fixed else " " * _STEP + line for number, line in enumerate(others, start=1)
    ]
    return _Block((f"exact {first}", *deeper), block.fixed)


def _block(script: str, tokens: list[Token]) -> _Block:
    if not tokens:
        raise ValueError("a proof without any code cannot fill a hole")
    code = Code(script[: tokens[-1].end])
    strings = [
        range(code.position(token.start)[0], code.position(token.end)[0])
        for token in code.tokens
        if token.kind == "string"
    ]
    lines = code.text.split("\n")
    fixed = {number for span in strings for number in span}
    first = next(number for number, line in enumerate(lines) if line.strip())
    shared = min(
        len(line) - len(line.lstrip(" "))
        for number, line in enumerate(lines)
        if line.strip() and number not in fixed
    )
    return _Block(
        tuple(
            line if number in fixed else line[shared:].rstrip(" ")
            for number, line in enumerate(lines)
            if number >= first
        ),
        frozenset(number - first for number in fixed),
    )


def _line_ending(text: str, offset: int) -> str:
    """The line ending in use at an offset."""
    at = text.find("\n", offset)
    if at < 0:
        at = text.rfind("\n", 0, offset)
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"


class _Place:
    """The surroundings of a hole."""

    def __init__(self, positions: Positions, index: int) -> None:
        self.positions = positions
        self.code = code = positions.code
        self.index = index
        self.token = code.tokens[index]
        self.column = code.column(self.token.start)
        self.begins_line = code.begins_line(index)
        self.before = code.tokens[index - 1] if index else None
        self.after = code.tokens[index + 1] if index + 1 < len(code.tokens) else None

    def tactics(self, block: _Block) -> str:
        """Tactics for a tactic."""
        before = self.before.text if self.before else ""
        after_combinator = before == "<;>" or before in COMBINATORS
        if len(block.lines) == 1:
            splits = after_combinator and re.search(r"[;|]", block.lines[0])
            return (
                f"({block.lines[0]})"
                if splits or (self.is_followed() and not block.is_inline)
                else block.lines[0]
            )
        if self.is_followed() or not (
            self.begins_line or before in ("·", ".", "(", "{", "by", "=>", "decreasing_by", "then", "else")
        ):
            return f"({block.at(self.column + 1)})"
        if self.begins_line or before in ("·", ".", "(", "{"):
            return block.at(self.column)
        indentation = self.statement() + _STEP
        return "\n" + " " * indentation + block.at(indentation)

    def proof(self, block: _Block) -> str:
        """Tactics for a term."""
        if len(block.lines) == 1:
            text = f"by {block.lines[0]}"
        else:
            indentation = self.statement() + _STEP
            text = "by\n" + " " * indentation + block.at(indentation)
        return text if self.may_end_open(block) else f"({text})"

    def term(self, block: _Block) -> str:
        """A term for a term."""
        text = block.at(self.statement() + _STEP)
        return text if block.is_inline or self.may_end_open(block) else f"({text})"

    def is_followed(self) -> bool:
        """Whether a tactic in place of the hole could absorb the text after it."""
        if self.after is None or self.after.kind == "close":
            return False
        return self.after.text == "<;>" or not self.code.begins_line(self.index + 1)

    def may_end_open(self, block: _Block) -> bool:
        """Whether a term needs no brackets here."""
        if self.before is not None and self.before.text not in _OPEN_END:
            return False
        after = self.after
        if after is None or after.kind == "close":
            return True
        if self.code.begins_line(self.index + 1) and after.text != "<;>":
            column = self.code.column(after.start)
            return column < self.column if self.begins_line else column <= self.line()
        return after.text in (",", ":") and block.is_inline

    def statement(self) -> int:
        """The column that a block in place of the hole is indented from.

        It is the column of the declaration or tactic whose `:=` the hole follows, or else that of the line.
        """
        tokens, at = self.code.tokens, self.index - 1
        if at >= 0 and tokens[at].text == "by":
            at -= 1
        if at < 0 or tokens[at].text != ":=" or self.begins_line:
            return self.line()
        depth = tokens[at].depth
        while at > 0:
            at -= 1
            token = tokens[at]
            if token.depth < depth or (
                token.depth == depth and token.text in (":=", "=>", "|", "by", "where", "calc", ";")
            ):
                break
            if token.depth > depth:
                continue
            if token.text in _DECLARATIONS:
                return self.code.indentation(at)
            if self.code.begins_line(at) and self.positions.is_tactic(at):
                return self.code.column(token.start)
        return self.line()

    def line(self) -> int:
        """The column that code on the hole's line must stay right of."""
        if self.begins_line:
            return self.column
        column, at = 0, self.index
        while True:
            at -= 1
            token = self.code.tokens[at]
            begins = self.code.begins_line(at)
            if token.depth <= self.token.depth and (
                begins or self.code.tokens[at - 1].text in _POSITIONS or self.begins_block(at)
            ):
                column = max(column, self.code.column(token.start))
            if begins:
                return max(column, self.code.indentation(at))

    def begins_block(self, index: int) -> bool:
        """Whether a token on the hole's line is the first of a block of tactics."""
        return self.positions.opens(index - 1) and self.positions.is_tactic(index)
