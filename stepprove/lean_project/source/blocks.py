"""The context of each token in its block, for `holes.py`: one pass over a text finds the earlier tokens that decide its meaning.

A search back from one token may reach the start of its block, and a hostile text can make that the whole text for every hole. One
pass stays linear: for each open bracket it keeps only the tokens that a later one could still need.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from stepprove.lean_project.source.commands import PREFIXES
from stepprove.lean_project.source.lexer import Code, Token

__all__ = ["ALTERNATIVES", "CASES", "OPENING", "Blocks", "find_blocks"]

OPENING = frozenset(["by", "·", ".", "=>", "then", "else", "do", "(", "{", "|"])
"""A sequence of tactics may begin after one of these."""
CASES = frozenset(["case", "case'", "conv", "next", "on_goal"])
"""Heads of `… =>` with a tactic after the arrow."""
ALTERNATIVES = frozenset(
    [
        *("cases", "cases'", "fun_cases", "fun_induction", "induction", "induction'", "intro", "rcases"),
        *("rintro", "first", "solve"),
    ]
)
"""Heads of alternatives `| … => …` that are tactics."""
_HEADS = ALTERNATIVES | {"match", "fun", "λ"}
_BEFORE_ARROW = CASES | {"|", "=>", ":=", "by", "fun", "λ"}


@dataclass(slots=True)
class Blocks:
    """Indices of earlier tokens, by the index of the later token; a token without an entry has no such context."""

    siblings: dict[int, int] = field(default_factory=dict)
    """For a token that begins a line: the token before it in the same column of the same block."""
    statements: dict[int, int] = field(default_factory=dict)
    """For a semicolon: the first token of the statement before it."""
    prefixes: dict[int, int] = field(default_factory=dict)
    """For an `in`: the `open` or `set_option` before it on its line."""
    heads: dict[int, int] = field(default_factory=dict)
    """For a `=>`: the nearest earlier word or symbol that decides its owner."""
    owners: dict[int, int] = field(default_factory=dict)
    """For a `|`: the head of its alternatives: `match`, `cases`, `first`, `fun` …"""


def find_blocks(code: Code) -> Blocks:
    """Find the context of every token in one pass."""
    walk = _Walk(code)
    for index, token in enumerate(code.tokens):
        walk.step(index, token)
    return walk.found


class _Walk:
    """The pass. Lists by depth hold the state of each open bracket; closed brackets lose their entries."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.found = Blocks()
        self.floors: list[int] = []  # by depth: the last token outside
        self.starts: list[int] = []  # by depth: the last beginning of a statement, -1 for none
        self.heads: list[int] = []  # by depth: the last of _BEFORE_ARROW, -1 for none
        self.columns: dict[tuple[int, int], int] = {}  # by depth and column: the last possible sibling
        # Each line's depth, column and index; a later line further left makes an entry useless.
        self.lines: list[tuple[int, int, int]] = []
        # The same, by the indentation of the line, of lines, `|` and heads.
        self.margins: list[tuple[int, int, int]] = []
        self.prefix = -1  # the last of PREFIXES on this line

    def step(self, index: int, token: Token) -> None:
        """Record the context of this token, and note the token for later ones."""
        text, depth = token.text, token.depth
        begins = self.code.begins_line(index)
        after = self.code.tokens[index - 1].text if index else ""
        self._enter(index, depth)
        if text == "in" and self.prefix >= 0:
            self.found.prefixes[index] = self.prefix
        if begins:
            self.prefix = -1
        if text in PREFIXES:
            self.prefix = index
        starts = index > 0 and (begins or after in OPENING)
        if starts:
            self._sibling(index, token, begins)
        if text == ";" and self.starts[depth] >= 0:
            self.found.statements[index] = self.starts[depth]
        if starts or after == ";":
            self.starts[depth] = index
        if text == "=>" and self.heads[depth] >= 0:
            self.found.heads[index] = self.heads[depth]
        if text in _BEFORE_ARROW:
            self.heads[depth] = index
        if begins or text == "|" or text in _HEADS:
            self._owner(index, token, begins)

    def _enter(self, index: int, depth: int) -> None:
        """Drop the state of closed brackets, and add a state for a newly opened one."""
        for entries in (self.floors, self.starts, self.heads):
            del entries[depth + 1 :]
        while len(self.floors) <= depth:
            self.floors.append(index - 1)
            self.starts.append(-1)
            self.heads.append(-1)
        for stack in (self.lines, self.margins):
            while stack and stack[-1][0] > depth:
                stack.pop()

    def _sibling(self, index: int, token: Token, begins: bool) -> None:
        depth, column = token.depth, self.code.column(token.start)
        if begins:
            while self.lines and self.lines[-1][0] == depth and self.lines[-1][1] >= column:
                self.lines.pop()
            further_left = self.lines[-1][2] if self.lines and self.lines[-1][0] == depth else -1
            same = self.columns.get((depth, column), -1)
            if same > max(further_left, self.floors[depth]):
                self.found.siblings[index] = same
            self.lines.append((depth, column, index))
        if token.text != "|":
            self.columns[depth, column] = index

    def _owner(self, index: int, token: Token, begins: bool) -> None:
        depth, margins = token.depth, self.margins
        if token.text == "|":
            # Where each alternative has its line, lines further right are inside one of them.
            column = self.code.column(token.start) if begins else len(self.code.text)
            at = bisect_left(margins, (depth, column + 1)) - 1
            if at >= 0 and margins[at][0] == depth:
                before = margins[at][2]
                owner = before if self.code.tokens[before].text in _HEADS else self.found.owners.get(before)
                if owner is not None:
                    self.found.owners[index] = owner
        indentation = self.code.indentation(index)
        while margins and margins[-1][0] == depth and margins[-1][1] >= indentation:
            margins.pop()
        margins.append((depth, indentation, index))
