"""The holes of a Lean file: every `sorry` in code, and whether it needs a tactic or a term.

Not holes: `sorry` in comments, strings, names (`sorryAx`, `x.sorry`, «sorry», `` `sorry ``), syntax quotations, the right-hand
side of a `notation`, and after `#exit`. `admit`, a macro for the tactic `sorry`, is a hole in tactic position. Text does not show
which holes Lean elaborates: Lean may report nothing for the hole in `first | simp | sorry` or in a default tactic
`(h : p := by sorry)`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stepprove.lean_project.source.blocks import ALTERNATIVES, CASES, OPENING, Blocks, find_blocks
from stepprove.lean_project.source.commands import DECLARING, NOTATIONS, Chunk, Declaration
from stepprove.lean_project.source.lexer import Code

__all__ = ["COMBINATORS", "Hole", "Positions", "find_holes"]


@dataclass(frozen=True, slots=True)
class Hole:
    """A `sorry` or `admit` that a proof can replace."""

    index: int
    start: int
    """In code points from the start of the file."""
    end: int
    start_byte: int
    """In bytes of the file."""
    end_byte: int
    line: int
    """From 1, as Lean counts."""
    column: int
    """From 0 in code points, as Lean counts."""
    kind: Literal["tactic", "term"]
    """Guessed from the text around it."""
    chunk: int
    declaration: int | None
    """The index of the declaration it belongs to; None in commands such as `#eval`."""


def find_holes(
    positions: Positions, chunks: Sequence[Chunk], declarations: Sequence[Declaration]
) -> list[Hole]:
    """Find the holes in the chunks of a body."""
    code = positions.code
    text, tokens = code.text, code.tokens
    chunk_starts = [chunk.start for chunk in chunks]
    declaration_starts = [declaration.start for declaration in declarations]
    holes: list[Hole] = []
    counted, size = 0, 0  # code points counted so far, and their bytes
    for index, token in enumerate(tokens):
        if token.kind != "word" or token.text not in ("sorry", "admit"):
            continue
        if index and tokens[index - 1].text == "." and tokens[index - 1].end == token.start:
            continue  # a field's name
        is_tactic = positions.is_tactic(index)
        number = bisect_right(chunk_starts, token.start) - 1
        if number < 0 or chunks[number].keyword in NOTATIONS or (token.text == "admit" and not is_tactic):
            continue
        size += len(text[counted : token.start].encode())
        counted = token.start
        owner = bisect_right(declaration_starts, token.start) - 1
        line, column = code.position(token.start)
        holes.append(
            Hole(
                index=len(holes),
                start=token.start,
                end=token.end,
                start_byte=size,
                end_byte=size + token.end - token.start,
                line=line,
                column=column,
                kind="tactic" if is_tactic else "term",
                chunk=number,
                declaration=owner if owner >= 0 and token.start < declarations[owner].end else None,
            )
        )
    return holes


# A tactic follows one of these.
_BEFORE_TACTIC = frozenset(["by", "·", "<;>", "decreasing_by"])
# Tactics that take tactics; `try` and `repeat` are also words of `do` blocks.
COMBINATORS = frozenset(
    ["all_goals", "any_goals", "fail_if_success", "focus", "repeat", "repeat'", "repeat1", "repeat1'", "try"]
)
_REACH = 200
"""How many tokens the search for an `if` goes back."""


class Positions:
    """Which tokens are in tactic position, by keywords, brackets and columns."""

    def __init__(self, code: Code, chunks: Sequence[Chunk]) -> None:
        self.code = code
        self._starts = {chunk.start for chunk in chunks}
        self._known: dict[int, bool] = {}

    @cached_property
    def _blocks(self) -> Blocks:
        return find_blocks(self.code)

    def is_tactic(self, index: int) -> bool:
        """Whether the token begins a tactic."""
        trail = []
        answer: bool | int = index
        while not isinstance(answer, bool):
            trail.append(answer)
            answer = self._known[answer] if answer in self._known else self._step(answer)
        for visited in trail:
            self._known[visited] = answer
        return answer

    def _step(self, index: int) -> bool | int:
        """The answer for a token, or an earlier token that has the same answer."""
        tokens = self.code.tokens
        token = tokens[index]
        if index == 0 or token.start in self._starts or token.text in DECLARING:
            return False
        before = tokens[index - 1]
        if before.text in _BEFORE_TACTIC:
            return True
        if before.text in COMBINATORS or before.text in ("(", "{"):
            return index - 1
        if before.text == "." and before.end < token.start:
            return self.code.begins_line(index - 1)  # a bullet
        if before.text == ";":
            return self._blocks.statements.get(index - 1, False)
        if before.text == "=>":
            return self._body(index - 1)
        if before.text == "|":
            owner = self._blocks.owners.get(index - 1)
            return owner is not None and tokens[owner].text in ("first", "solve")
        if before.text in ("then", "else"):
            return self._conditional(index - 1)
        if before.text == "in":
            return self._blocks.prefixes.get(index - 1, False)
        return self._blocks.siblings.get(index, False) if self.code.begins_line(index) else False

    def opens(self, index: int) -> bool:
        """Whether a sequence may begin after a token."""
        return self.code.tokens[index].text in OPENING

    def _body(self, arrow: int) -> bool | int:
        """For the token after a `=>`: its `match`, or the answer."""
        tokens, head = self.code.tokens, self._blocks.heads.get(arrow)
        if head is None:
            return False
        if tokens[head].text != "|":
            return tokens[head].text in CASES
        owner = self._blocks.owners.get(head)
        if owner is not None and tokens[owner].text == "match":
            return owner
        return owner is not None and tokens[owner].text in ALTERNATIVES

    def _conditional(self, index: int) -> bool | int:
        """The `if` of a `then` or an `else`."""
        tokens = self.code.tokens
        depth, nested = tokens[index].depth, 0
        for at in range(index - 1, max(-1, index - _REACH), -1):
            token = tokens[at]
            if token.depth < depth:
                return False
            if token.depth > depth:
                continue
            if token.text == "else":
                nested += 1
            elif token.text == "if":
                if nested == 0:
                    return at
                nested -= 1
        return False
