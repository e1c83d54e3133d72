"""A module's header, read from the start of its text alone: a project of thousands of files is read in seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepprove.lean_project.source.lexer import BYTE_ORDER_MARK

__all__ = ["Import", "ModuleHeader", "read_module_header"]

_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))+")
_BLOCK = re.compile(r"/-|-/")
_WORD = re.compile(r"(?:«[^»\n]*»|[^\W\d][\w'!?]*)(?:\.(?:«[^»\n]*»|[^\W\d][\w'!?]*))*")


@dataclass(frozen=True, slots=True)
class Import:
    """One `import` of a header."""

    module: str
    """The module's name, without « and »."""
    line: int
    """From 1."""
    public: bool = False
    meta: bool = False
    all: bool = False


@dataclass(frozen=True, slots=True)
class ModuleHeader:
    """What a file says before its first command."""

    is_module: bool
    """Whether it opens with `module`; a plain file re-exports everything it imports."""
    prelude: bool
    imports: tuple[Import, ...]


_BETWEEN = frozenset(("", "public", "meta", "import"))


class _Words:
    """The words of a header one after the other; comments and space are skipped."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
        self._taken = 0  # the end of the last word that was consumed

    def peek(self) -> tuple[str, int, int]:
        """The next word, its start and its end; an empty word where something else follows."""
        self._skip()
        found = _WORD.match(self._text, self._at)
        return (found[0], found.start(), found.end()) if found else ("", self._at, self._at)

    def take(self, *expected: str) -> bool:
        """Whether the next word is one of the expected ones, which is then consumed."""
        word, _, end = self.peek()
        if word not in expected:
            return False
        self._at = self._taken = end
        return True

    def name(self) -> tuple[str, int] | None:
        """The next word as a module's name, with its line."""
        word, _, end = self.peek()
        if not word:
            return None
        self._at = self._taken = end
        return word.replace("«", "").replace("»", ""), self.line()

    def line(self) -> int:
        """The line of the last word that was consumed, from 1."""
        return self._text.count("\n", 0, self._taken) + 1

    def _skip(self) -> None:
        while True:
            space = _SPACE.match(self._text, self._at)
            if space:
                self._at = space.end()
            if not self._text.startswith("/-", self._at) or self._text[self._at + 2 : self._at + 3] in (
                "!",
                "-",
            ):  # a documentation comment belongs to a command
                return
            depth = 0
            for mark in _BLOCK.finditer(self._text, self._at):
                depth += 1 if mark[0] == "/-" else -1
                if depth == 0:
                    self._at = mark.end()
                    break
            else:
                self._at = len(self._text)
                return


def read_module_header(text: str) -> ModuleHeader:
    """Read `module`, `prelude` and the imports of a Lean text.

    Args:
        text: the whole file or any part that holds its header. What follows the header is not looked at.

    Source: Lean 4.28, `Lean.Parser.Module.header`.
    """
    words = _Words(text)
    is_module, prelude = words.take("module"), words.take("prelude")
    imports: list[Import] = []
    while True:
        public, meta = words.take("public"), words.take("meta")
        if not words.take("import"):
            break
        everything = words.take("all")
        named = words.name() if words.peek()[0] not in _BETWEEN else None
        if named is None:
            if not everything:
                break
            named, everything = ("all", words.line()), False  # a module may have that name
        imports.append(Import(named[0], named[1], public, meta, everything))
    return ModuleHeader(is_module, prelude, tuple(imports))
