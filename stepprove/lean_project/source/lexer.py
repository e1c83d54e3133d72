"""The tokens of Lean 4 text: code, comments, strings, characters, names and quotations.

The lexer has a fixed set of symbols in place of Lean's growing token table; it does not know a notation whose symbol contains
`--`, `/-`, a quote or a bracket. It accepts any text: an unterminated comment or string runs to the end.

Source: Lean's own tokenizer (leanprover/lean4, src/Lean/Parser/Basic.lean).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, NamedTuple, cast

__all__ = ["BYTE_ORDER_MARK", "ID_FIRST", "ID_REST", "Code", "Kind", "Token", "tokenize"]

Kind = Literal[
    "word",  # an identifier or a keyword, dots and «…» included
    "symbol",
    "open",
    "close",
    "number",
    "string",  # a literal, or the literal piece of an interpolated one
    "char",
    "name",  # `foo or ``foo
    "doc",  # /-- … -/
    "moduledoc",  # /-! … -/
    "hash",  # #word
    "quoted",  # anything inside a syntax quotation `( … ), which Lean does not run at once
]


class Token(NamedTuple):
    """One token. Comments are no tokens, except documentation."""

    kind: Kind
    start: int
    """In code points from the start of the text."""
    end: int
    depth: int
    """How many brackets around it are open, braces of interpolated strings included."""
    text: str
    """As written; empty for literals and documentation."""


# isLetterLike and isSubScriptAlnum of Lean's src/Init/Meta/Defs.lean. isAlpha is ASCII there.
_LETTER_LIKE = (
    "\u03b1-\u03ba\u03bc-\u03c9"  # small Greek without lambda
    "\u0391-\u039f\u03a1\u03a2\u03a4-\u03a9"  # capital Greek without Pi and Sigma
    "\u03ca-\u03fb\u1f00-\u1ffe\u2100-\u214f\U0001d49c-\U0001d59f"
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f"
)
_SUBSCRIPT = "\u2080-\u2089\u2090-\u209c\u1d62-\u1d6a\u2c7c"
BYTE_ORDER_MARK = "\ufeff"
"""Some editors write it at the start of a file. Lean does not read it."""
ID_FIRST = "A-Za-z_" + _LETTER_LIKE
"""The characters that may begin a part of an identifier, as the inside of a regular expression's class."""
ID_REST = ID_FIRST + "0-9'!?" + _SUBSCRIPT
"""The characters that may follow."""

# A string literal after one of these words is interpolated.
_INTERPOLATING = {"s!", "m!", "f!", "println!", "throwError", "dbg_trace"}

_STRING = re.compile(r'(?:[^"\\]|\\[\s\S])*+(?:"|\\?\Z)')
_STRING_PIECE = re.compile(r'(?:[^"\\{]|\\[\s\S])*+(?:["{]|\\?\Z)')
_SPACES = re.compile(r"[ \t]*")
_COMMENT_EDGE = re.compile(r"-/|/-")

# Only the bracket of a quotation may enclose these keywords; at column 0 they close every other open bracket.
_MARGIN = frozenset(
    [
        "abbrev",
        "axiom",
        "def",
        "end",
        "example",
        "inductive",
        "lemma",
        "mutual",
        "namespace",
        "section",
        "theorem",
    ]
)

# Flags of an entry on the stack of open brackets.
_QUOTED = 1  # Lean does not run its content
_BRACE = 2
_INTERPOLATION = 4


@cache
def _code_pattern(escapes: bool) -> re.Pattern[str]:
    """The pattern of one token with the space and line comments before it.

    Args:
        escapes: whether to match «…»; False once no » is left, since each « would search to the end of the text.
    """
    part = f"[{ID_FIRST}][{ID_REST}]*+"
    if escapes:
        part = f"(?:{part}|«[^»]*+»)"
    identifier = rf"{part}(?:\.{part})*+"
    groups = {
        "raw": r'r(?P<fence>#*+)"[\s\S]*?(?:"(?P=fence)|\Z)',
        "word": identifier,
        "open": r"[(\[{⟨]",
        "close": r"[)\]}⟩]",
        # The digits of a projection take no decimal point: x.1.foo
        "number": r"(?<=\.)[0-9]+"
        r"|0(?:[xX][0-9a-fA-F_]+|[bB][01_]+|[oO][0-7_]+)"
        r"|[0-9][0-9_]*+(?:\.(?!\.)[0-9_]*+)?(?:[eE][+-]?[0-9]+)?",
        "quote": '"',
        "char": r"'(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^xu])|[^\\'])'",
        "doc": "/--",
        "moduledoc": "/-!",
        "comment": "/-",
        "name": f"``?{identifier}",
        "quotation": r"``?[(\[]",
        "antiquotation": r"\$[(\[]",
        "hash": f"#exit|#[A-Za-z_][{ID_REST}]*+",
        # Whole, for what follows their first character could otherwise begin a comment or a literal.
        "symbol": r":=|=>|<;>|<\|>|<\||\|>|<-|//|\\/|''|⁻¹'|[×ΣΠ∑∏∃∀]'|\.\.\.?|[^ \t\r\n\ufeff]",
        "end": r"\Z",
    }
    alternatives = "|".join(f"(?P<{name}>{pattern})" for name, pattern in groups.items())
    return re.compile(rf"(?:[ \t\r\n\ufeff]++|--[^\n]*+)*+(?:{alternatives})")


def tokenize(text: str) -> list[Token]:
    """Split a text into tokens, up to `#exit` if it is there. Linear in time; never fails."""
    return _Lexer(text).run()


class _Lexer:
    """The state of one pass over a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.stack: list[int] = []  # the open brackets
        self.braces = 0  # how many entries of it are braces
        self.quoted = 0

    def run(self) -> list[Token]:
        """Read the text to its end or to `#exit`."""
        text, tokens, stack = self.text, self.tokens, self.stack
        last_escape = text.rfind("»")
        match = _code_pattern(True).match
        position = 0
        while True:
            if position > last_escape:
                match = _code_pattern(False).match
                last_escape = len(text)  # not again
            token_match = cast(
                "re.Match[str]", match(text, position)
            )  # every character, and the end, has its alternative
            group = cast(str, token_match.lastgroup)
            start, position = token_match.span(group)
            if group == "word" or group == "symbol":
                word = token_match[group]
                if stack and not self.quoted and word in _MARGIN and text[start - 1] == "\n":
                    stack.clear()
                    self.braces = 0
                kind = "quoted" if self.quoted else cast(Kind, group)
                tokens.append(Token(kind, start, position, len(stack), word))
            elif group == "open" or group == "quotation" or group == "antiquotation":
                self.open(group, start, position)
            elif group == "close":
                position = self.close(start, position)
            elif group == "quote":
                position = self.string(start, position)
            elif group == "comment":
                position = self.comment_end(position)
            elif group == "doc" or group == "moduledoc":
                position = self.comment_end(position)
                self.add(cast(Kind, group), start, position)
            elif group == "raw":
                self.add("string", start, position)
            elif group == "end":
                return tokens
            else:
                self.add(cast(Kind, group), start, position)
                if group == "hash" and tokens[-1].kind == "hash" and text[start:position] == "#exit":
                    return tokens

    def add(self, kind: Kind, start: int, end: int) -> None:
        """Append a token; only words, symbols, brackets and #words carry their text."""
        text = self.text[start:end] if kind in ("open", "close", "hash") else ""
        self.tokens.append(Token("quoted" if self.quoted else kind, start, end, len(self.stack), text))

    def push(self, entry: int) -> None:
        """Push an open bracket."""
        self.stack.append(entry | self.quoted)
        self.braces += bool(entry & _BRACE)

    def open(self, group: str, start: int, end: int) -> None:
        """Read an opening bracket, or the start of a quotation or of code inside one."""
        self.add("open", start, end)
        if group == "quotation":
            self.quoted = _QUOTED
        elif group == "antiquotation":
            self.quoted = 0
        self.push(_BRACE if self.text[end - 1] == "{" else 0)

    def close(self, start: int, end: int) -> int:
        """Read a closing bracket; return the next offset.

        Brackets pair loosely, as in `[0, 1)`; a brace closes every bracket inside it.
        """
        resumes = False
        if self.text[start] == "}":
            while self.braces:
                entry = self.stack.pop()
                if entry & _BRACE:
                    self.braces -= 1
                    resumes = bool(entry & _INTERPOLATION)
                    break
        elif self.stack and not self.stack[-1] & _BRACE:
            self.stack.pop()
        self.quoted = self.stack[-1] & _QUOTED if self.stack else 0
        if resumes:
            return self.interpolated(start, end)
        self.add("close", start, end)
        return end

    def string(self, start: int, end: int) -> int:
        """Read a string literal, interpolated or not, after its opening quote; return the next offset."""
        if _interpolates(self.tokens):
            return self.interpolated(start, end)
        end = _end(_STRING, self.text, end)
        self.add("string", start, end)
        return end

    def interpolated(self, start: int, end: int) -> int:
        """Read a piece of an interpolated string, up to its end or to the next code in it; return the next offset."""
        end = _end(_STRING_PIECE, self.text, end)
        self.add("string", start, end)
        if self.text[end - 1] == "{":
            self.push(_BRACE | _INTERPOLATION)
        return end

    def comment_end(self, position: int) -> int:
        """The end of a block comment after its opening; block comments nest."""
        nesting = 1
        for edge in _COMMENT_EDGE.finditer(self.text, position):
            nesting += 1 if edge[0] == "/-" else -1
            if nesting == 0:
                return edge.end()
        return len(self.text)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    return cast("re.Match[str]", pattern.match(text, position)).end()


def _interpolates(tokens: list[Token]) -> bool:
    """Whether a string literal after these tokens is interpolated."""
    match [token.text for token in tokens[-4:]]:
        case [*_, last] if last in _INTERPOLATING:
            return True
        case [*_, "throwErrorAt", _] | ["trace", "[", _, "]"]:
            return True
    return False


@dataclass(frozen=True)
class Code:
    """A text with its tokens and lines."""

    text: str

    @cached_property
    def tokens(self) -> list[Token]:
        """The tokens, in order."""
        return tokenize(self.text)

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line starts. As in Lean, only a line feed ends one; the first one starts after a byte order mark."""
        first = len(BYTE_ORDER_MARK) if self.text.startswith(BYTE_ORDER_MARK) else 0
        return [first, *(newline.end() for newline in re.finditer("\n", self.text))]

    @cached_property
    def _beginning(self) -> bytes:
        """For each token, 1 if it is the first on its line; computed once, since the text between two tokens may be long."""
        end, flags = 0, bytearray()
        for token in self.tokens:
            flags.append(not flags or self.text.find("\n", end, token.start) >= 0)
            end = token.end
        return bytes(flags)

    @cached_property
    def _indentations(self) -> dict[int, int]:
        """A cache of indentations by the offsets of their lines."""
        return {}

    def position(self, offset: int) -> tuple[int, int]:
        """The line, from 1, and the column, from 0 in code points, of an offset: as Lean counts them."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1]

    def column(self, offset: int) -> int:
        """The column of an offset."""
        return self.position(offset)[1]

    def begins_line(self, index: int) -> bool:
        """Whether this token is the first on its line."""
        return self._beginning[index] == 1

    def indentation(self, index: int) -> int:
        """The column of the first character on the line where a token starts."""
        start = self.line_starts[self.position(self.tokens[index].start)[0] - 1]
        if start not in self._indentations:
            end = cast("re.Match[str]", _SPACES.match(self.text, start)).end()
            self._indentations[start] = end - start
        return self._indentations[start]
