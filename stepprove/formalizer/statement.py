"""A theorem's statement in its file: its context, its text, and the start of its proof.

A file claims its last theorem's statement; the proof is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stepprove.lean_project.gate.texts.native_keyword_guard import powers
from stepprove.lean_project.source.commands import NOTATIONS, Chunk, Declaration, split_name
from stepprove.lean_project.source.file import SourceError, SourceFile, parse_source
from stepprove.lean_project.source.lexer import Token, tokenize

_STATING = frozenset({"theorem", "lemma", "example"})
_BINDING = frozenset({"let", "letI", "have", "haveI"})
"""Words of a term that own a following `:=`."""


class BadStatement(SourceError):
    """A text has no comparable statement; the message is one sentence."""


@dataclass(frozen=True)
class Statement:
    """The last theorem, lemma or example of a text, without its proof."""

    source: SourceFile
    declaration: Declaration
    end: int
    """The offset of the `:=` before the proof."""

    @cached_property
    def chunk(self) -> Chunk:
        """The commands with the statement; the commands before them are its context."""
        return self.source.chunks[self.declaration.chunk]

    @property
    def context(self) -> tuple[Chunk, ...]:
        """The commands before the statement."""
        return self.source.chunks[: self.declaration.chunk]

    @property
    def text(self) -> str:
        """The statement as written, from its keyword to its end."""
        return self.source.text[self.declaration.start : self.end].rstrip()

    @cached_property
    def conclusion(self) -> str | None:
        """The claim after the binders and the colon; None without a colon."""
        colon = next((t for t in tokenize(self.text) if t.text == ":" and t.depth == 0), None)
        return None if colon is None else self.text[colon.end :].strip()

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """The open namespaces and sections, the outermost first; "" for a section without a name."""
        opened: list[str] = []
        for chunk in self.context:
            tokens = [t for t in tokenize(chunk.text) if t.kind not in ("doc", "moduledoc")]
            at = next((i for i, t in enumerate(tokens) if t.text == chunk.keyword), None)
            if at is None or chunk.keyword not in ("namespace", "section", "end"):
                continue
            word = tokens[at + 1] if at + 1 < len(tokens) and tokens[at + 1].kind == "word" else None
            parts = split_name(word.text) if word is not None else [""]
            if chunk.keyword == "end":
                del opened[max(0, len(opened) - len(parts)) :]
            else:
                opened += parts
        return tuple(opened)

    def named(self, name: str) -> str:
        """Return the statement's commands up to `:=`, under another last name and without attributes.

        An attribute concerns the use of a theorem, not its claim.
        """
        head = _without_attributes(self.source.text[self.chunk.start : self.declaration.start])
        words = self.text[len(self.declaration.keyword) :]
        if self.declaration.name is None:
            return f"{head}theorem {name}{words}"
        rest = words.lstrip()[len(self.declaration.name) :]
        return f"{head}{self.declaration.keyword} {'.'.join([*self._path, name])}{rest}"

    def emptied(self, name: str) -> str | None:
        """Return `named` with the claim `True` under the same binders; None if the claim has no colon before it."""
        if self.conclusion is None:
            return None
        return f"{self.named(name).rstrip().removesuffix(self.conclusion)} True"

    def full_name(self, name: str) -> str:
        """Return the full name that `named` declares."""
        within = self.declaration.full_name
        if within is None:
            return ".".join([*(part for part in self._namespaces if part), name])
        return ".".join([*split_name(within)[:-1], name])

    def closing(self) -> str:
        """Return the commands that close the scopes at the statement."""
        return "".join(f"end {name}".rstrip() + "\n" for name in reversed(self.scopes))

    @property
    def _path(self) -> list[str]:
        return split_name(self.declaration.name)[:-1] if self.declaration.name else []

    @cached_property
    def _namespaces(self) -> tuple[str, ...]:
        probe = f"{self.source.text[: self.chunk.start]}\ntheorem x : True"
        declarations = parse_source(probe).declarations
        return tuple(split_name(declarations[-1].full_name or "")[:-1])


def statement_of(source: SourceFile) -> Statement:
    """Return the statement of a file: its last theorem, lemma or example.

    Raises:
        BadStatement: there is none, its end is unclear, or the text runs programs, which may change any meaning.
    """
    name = source.path.name if source.path else "the text"
    declaration = next((d for d in reversed(source.declarations) if d.keyword in _STATING), None)
    if declaration is None:
        raise BadStatement(f"{name} states no theorem.")
    if programs := sorted(powers(source) - NOTATIONS):
        raise BadStatement(f"{name} uses `{programs[0]}`: what runs programs is not compared.")
    end = _proof_start(tokenize(source.text[declaration.start : declaration.end]))
    if end is None:
        raise BadStatement(
            f"{name} has no `:=` after its statement (line {declaration.line}): end it with `:= by sorry`."
        )
    return Statement(source, declaration, declaration.start + end)


def read_statement(text: str, path: Path | None = None) -> Statement:
    """Parse the statement of a text; raise BadStatement."""
    return statement_of(parse_source(text, path))


def _proof_start(tokens: list[Token]) -> int | None:
    """Return the offset of the first `:=` outside of brackets that belongs to no `let` or `have`."""
    owed = 0
    for token in tokens:
        if token.depth == 0 and token.kind == "word" and token.text in _BINDING:
            owed += 1
        elif token.depth == 0 and token.text == ":=":
            if owed == 0:
                return token.start
            owed -= 1
    return None


def _without_attributes(text: str) -> str:
    """Remove leading `@[…]` from a declaration."""
    tokens = tokenize(text)
    kept, at = "", 0
    for index, token in enumerate(tokens[:-1]):
        opening = tokens[index + 1]
        if token.text == "@" and opening.text == "[":
            close = next(
                (t for t in tokens[index + 2 :] if t.kind == "close" and t.depth == opening.depth), None
            )
            kept, at = kept + text[at : token.start], close.end if close else len(text)
    return kept + text[at:]
