"""A .lean file as data: header, commands, declarations, holes, and edits that leave every other byte alone.

All of it is told from the text, without Lean. Offsets are in code points of the text, which is the file's
exact UTF-8: byte order mark, line endings, tabs and a missing last newline included.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from stepprove.lean_project.source.commands import (
    Chunk,
    Declaration,
    find_declarations,
    read_header,
    split_commands,
)
from stepprove.lean_project.source.filling import lay_out
from stepprove.lean_project.source.holes import Hole, Positions, find_holes
from stepprove.lean_project.source.lexer import BYTE_ORDER_MARK, Code

__all__ = [
    "MAX_BYTES",
    "Chunk",
    "Declaration",
    "Edit",
    "Hole",
    "SourceError",
    "SourceFile",
    "apply_edits",
    "changed_since",
    "fill_hole",
    "parse_source",
    "read_source",
]

MAX_BYTES = 5_000_000
"""The largest file that is read. Mathlib's largest has about 200 kB."""


class SourceError(Exception):
    """A file cannot be used as Lean source; the message is one sentence."""


class FileMissing(SourceError):
    """There is no such file, or it is a directory or a device."""


class FileUnreadable(SourceError):
    """The system does not let us read it."""


class FileNotText(SourceError):
    """Its bytes are not those of a Lean file: not UTF-8, or with NUL in them."""


class FileEmpty(SourceError):
    """There is nothing but white space in it."""


class FileTooLarge(SourceError):
    """It has more than `MAX_BYTES` bytes."""


@dataclass(frozen=True)
class SourceFile:
    """A Lean text and what can be told of it."""

    path: Path | None
    """Where it was read; None for a text from elsewhere."""
    text: str
    positions: Positions
    """Its tokens and where tactics stand among them."""
    header_end: int
    """The offset at which the header (`module`, `prelude`, imports) ends and the commands start."""
    imports: tuple[str, ...]
    """The imported modules, in order, as written."""
    chunks: tuple[Chunk, ...]
    """The text from `header_end` on, in pieces of whole commands."""
    declarations: tuple[Declaration, ...]
    holes: tuple[Hole, ...]

    @property
    def mark(self) -> str:
        """The byte order mark that the file begins with, or nothing. Lean reads none: it gets the text that follows."""
        return BYTE_ORDER_MARK if self.text.startswith(BYTE_ORDER_MARK) else ""

    @property
    def header(self) -> str:
        """The text before the commands, as Lean reads it."""
        return self.text[len(self.mark) : self.header_end]

    @property
    def data(self) -> bytes:
        """The text as the bytes of its file."""
        return self.text.encode()


def parse_source(text: str, path: Path | None = None) -> SourceFile:
    """Take a Lean text apart. Any text has a result."""
    code = Code(text)
    header = read_header(code)
    chunks = split_commands(code, header.end)
    declarations = find_declarations(code, chunks)
    positions = Positions(code, chunks)
    holes = find_holes(positions, chunks, declarations)
    mine: dict[int, list[int]] = {}
    for hole in holes:
        if hole.declaration is not None:
            mine.setdefault(hole.declaration, []).append(hole.index)
    declarations = [replace(each, holes=tuple(mine.get(each.index, ()))) for each in declarations]
    return SourceFile(
        path, text, positions, header.end, header.imports, tuple(chunks), tuple(declarations), tuple(holes)
    )


def read_source(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> SourceFile:
    """Read a .lean file.

    Raises:
        SourceError: it is not there, no file, not to be read, too large, not UTF-8, or has nothing in it.
    """
    path = Path(path)
    return parse_source(_decode(path, _read(path, max_bytes), max_bytes), path)


def _read(path: Path, max_bytes: int) -> bytes:
    """At most one byte more than the limit."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise FileMissing(f"{path} is a directory, not a Lean file.")
        if not stat.S_ISREG(kind):
            raise FileMissing(f"{path} is not a regular file.")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing(f"{path} does not exist.") from None
    except PermissionError:
        raise FileUnreadable(f"{path} cannot be read: permission denied.") from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        raise FileUnreadable(f"{path!s:.200} cannot be read: {_reason(problem)}.") from None


def _decode(path: Path, data: bytes, max_bytes: int) -> str:
    """The text of a file's bytes."""
    if len(data) > max_bytes:
        raise FileTooLarge(f"{path} is larger than {max_bytes / 1e6:g} MB, the most that is read.")
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise FileNotText(
            f"{path} is not UTF-8 text: byte {problem.start}, on line {line}, is 0x{data[problem.start]:02x}."
        ) from None
    if "\0" in text:
        at = text.index("\0")
        line = text.count("\n", 0, at) + 1
        raise FileNotText(f"{path} is not a text file: it has a NUL character on line {line}.")
    if not text.removeprefix(BYTE_ORDER_MARK).strip():
        raise FileEmpty(f"{path} is empty.")
    return text


def changed_since(source: SourceFile) -> bool:
    """Whether the file is no longer what was read; a text from elsewhere never changes."""
    if source.path is None:
        return False
    try:
        return _read(source.path, len(source.data)) != source.data
    except SourceError:
        return True


@dataclass(frozen=True, slots=True)
class Edit:
    """A text to stand for a range of another."""

    start: int
    """In code points."""
    end: int
    text: str

    def within(self, start: int) -> Edit:
        """The same edit of the part of the text that begins at `start`."""
        return Edit(self.start - start, self.end - start, self.text)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Replace ranges of a text; the rest stays as it is.

    Raises:
        ValueError: a range is outside the text, or two overlap or start at the same place.
    """
    pieces, position = [], 0
    last = -1
    for edit in sorted(edits, key=lambda edit: edit.start):
        if not 0 <= edit.start <= edit.end <= len(text):
            raise ValueError(f"the range {edit.start}-{edit.end} is not in the text")
        if edit.start < position or edit.start == last:
            raise ValueError(f"two edits overlap at {edit.start}")
        pieces += [text[position : edit.start], edit.text]
        position, last = edit.end, edit.start
    return "".join([*pieces, text[position:]])


def fill_hole(
    source: SourceFile,
    hole: Hole,
    proof: str,
    *,
    term: bool = False,
    kind: Literal["tactic", "term"] | None = None,
) -> Edit:
    """The edit that puts a proof in the place of a hole, laid out as a person would write it there.

    Args:
        source: The file.
        hole: One of its holes.
        proof: Tactics, with or without `by` before them.
        term: Whether `proof` is a term instead.
        kind: What is wanted there, for one who knows better than `hole.kind`.

    Raises:
        ValueError: the proof has no code in it.
    """
    text = lay_out(source.positions, hole.start, kind or hole.kind, proof, term=term)
    return Edit(hole.start, hole.end, text)


def _reason(problem: OSError | ValueError) -> str:
    """The system's words for what went wrong, to end a sentence."""
    if isinstance(problem, FileNotFoundError):
        return "its directory does not exist"
    words = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return words[:1].lower() + words[1:]
