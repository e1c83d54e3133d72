"""Files that survive a kill: lines that are appended whole, files that are replaced whole, and one run at a time.

A killed process may leave a torn last line, one without its newline. Readers ignore that line, and a run that appends to the
file first cuts it off. For a file that the user named, see `files/output_file.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout


class AlreadyRunning(Exception):
    """Another run holds the lock."""


def append_line(descriptor: int, line: bytes, *, sync: bool = False) -> None:
    """Append one line to an open file.

    Args:
        descriptor: open for appending.
        line: ends in a newline.
        sync: wait until the line is on the disk, so that it also survives a power cut.

    Raises:
        OSError: the file cannot be written.
    """
    while line:
        line = line[os.write(descriptor, line) :]
    if sync:
        os.fsync(descriptor)


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file with their newlines, up to a torn last line.

    Args:
        file: open for reading in binary mode; read from its current position.

    Raises:
        OSError: the file cannot be read.
    """
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield line


def read_whole_lines(path: Path) -> list[bytes]:
    """Read the lines of a file without their newlines; drop a torn last line and empty lines.

    Args:
        path: a missing file has no lines.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return [line for whole in whole_lines(file) if (line := whole.rstrip(b"\r\n"))]
    except FileNotFoundError:
        return []


def cut_torn_line(path: Path) -> None:
    """Remove a torn last line from a file, so that the next line begins at a line of its own.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("r+b") as file:
        whole = sum(map(len, whole_lines(file)))
        if whole < file.seek(0, os.SEEK_END):
            file.truncate(whole)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = False, shared: bool = False) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` when the block ends; a block that raises leaves `path` as it was.

    Args:
        path: the file to replace.
        sync: wait until the content is on the disk before the file is renamed.
        shared: several processes may write `path` at once; only the owner may then read the new file.

    Raises:
        OSError: the file cannot be written.
    """
    if shared:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        file, new = os.fdopen(descriptor, "wb"), Path(name)
    else:
        new = path.with_name(path.name + ".new")
        file = new.open("wb")
    try:
        with file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def run_lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file for the length of a block.

    Args:
        path: the lock file; it stays behind, unlocked.
        wait: wait until another run ends.

    Raises:
        AlreadyRunning: another run holds the lock, and `wait` is false.
        OSError: the lock file cannot be made.
    """
    lock = FileLock(path, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyRunning(f"Another run holds {path}.") from None
    try:
        yield
    finally:
        lock.release()
