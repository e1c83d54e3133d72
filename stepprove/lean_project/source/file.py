"""A .lean file as data: header, commands, declarations, holes, and edits that leave every other byte alone.

This module reads the text alone, without Lean. Offsets are in code points of the text, which is the file's exact UTF-8: byte
order mark, line endings, tabs and a missing last newline included.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from stepprove.faults import Failure
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
    "header_of",
    "parse_source",
    "read_source",
]

MAX_BYTES = 5_000_000
"""The largest file, in bytes, that StepProve reads. Mathlib's largest has about 200 kB."""


class SourceError(Failure):
    """The file is not usable as Lean source; the message is one sentence."""

    exit_code = 2


class FileMissing(SourceError):
    """The file does not exist, or is a directory or a device."""


class FileUnreadable(SourceError):
    """The system refuses to read the file."""


class FileNotText(SourceError):
    """The file is not UTF-8, or has NUL bytes."""


class FileEmpty(SourceError):
    """The file holds only white space."""


class FileTooLarge(SourceError):
    """The file has more than `MAX_BYTES` bytes."""


@dataclass(frozen=True)
class SourceFile:
    """A Lean text with its header, commands, declarations and holes."""

    path: Path | None
    """The path that it was read from; None for a text from elsewhere."""
    text: str
    positions: Positions
    """Its tokens, and the positions of tactics among them."""
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
        """The byte order mark at the start of the file, or nothing. Lean gets the text without it."""
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
    """Parse a Lean text; this never fails."""
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
    declarations = [replace(d, holes=tuple(mine.get(d.index, ()))) for d in declarations]
    return SourceFile(
        path, text, positions, header.end, header.imports, tuple(chunks), tuple(declarations), tuple(holes)
    )


def header_of(text: str) -> str:
    """The header of a Lean text, without the time for its commands and holes."""
    start = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    return text[start : read_header(Code(text)).end]


def read_source(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> SourceFile:
    """Read a .lean file.

    Raises:
        SourceError: the file is missing, no regular file, not readable, too large, not UTF-8, or empty.
    """
    path = Path(path)
    return parse_source(_decode(path, _read(path, max_bytes), max_bytes), path)


def _read(path: Path, max_bytes: int) -> bytes:
    """Read the file, at most one byte more than the limit."""
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
    """Whether the file has changed since it was read; a text from elsewhere never changes."""
    if source.path is None:
        return False
    try:
        return _read(source.path, len(source.data)) != source.data
    except SourceError:
        return True


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that replaces a range of another."""

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
    """The edit that replaces a hole by a proof, laid out as a person would write it.

    Args:
        source: the file.
        hole: one of its holes.
        proof: tactics, with or without `by` before them.
        term: whether `proof` is a term instead.
        kind: whether the hole needs a tactic or a term, if the caller knows better than `hole.kind`.

    Raises:
        ValueError: the proof has no code in it.
    """
    text = lay_out(source.positions, hole.start, kind or hole.kind, proof, term=term)
    return Edit(hole.start, hole.end, text)


def _reason(problem: OSError | ValueError) -> str:
    """The system's words for an error, as the end of a sentence."""
    if isinstance(problem, FileNotFoundError):
        return "its directory does not exist"
    words = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return words[:1].lower() + words[1:]
