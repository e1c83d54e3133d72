"""A file that a user named, written whole or not at all, and nothing of it changed but its content.

A hard link stays one file; owner, group, mode, access lists and other attributes stay; a file that holds the content already
is not touched. A symbolic link is followed only where the caller says so. What a set-user-ID bit would let others run is our
text now, so that bit goes, and the caller is told.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SPECIAL = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = "security.capability"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class OutputError(Exception):
    """A file cannot be written, and is as it was; the message is one sentence."""


class OutputChanged(OutputError):
    """The file no longer holds what it held when the work began."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file."""

    path: Path
    """Where the content is, symbolic links resolved."""
    changed: bool
    """False where the file held the content already and was left alone."""
    remarks: tuple[str, ...] = ()
    """What the user should know, one sentence each."""


def write_output(
    path: Path,
    content: str | bytes,
    *,
    follow: bool = False,
    like: Path | None = None,
    expected: bytes | None = None,
) -> Written:
    """Write a file.

    Args:
        path: where.
        content: text is written as UTF-8.
        follow: write the file that a symbolic link leads to; the link stays.
        like: a new file gets the permissions of this one, where it is there.
        expected: what the file must hold now.

    Raises:
        OutputChanged: it holds something else than `expected`.
        OutputError: it cannot be written.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    with _sentences(path):
        target = _target(path, follow=follow)
        if not target.exists():
            if expected is not None:
                raise OutputChanged(f"{path} is not there any more.")
            _write_new(target, data, _usual_mode(like))
            return Written(target, changed=True)
        before = target.read_bytes()
        if expected is not None and before != expected:
            raise OutputChanged(f"{path} was changed meanwhile.")
        if before == data:
            return Written(target, changed=False)
        return Written(target, changed=True, remarks=_rewrite(target, before, data))


def require_writable(path: Path, *, follow: bool = False) -> None:
    """Refuse early what could not be written later. Raises OutputError."""
    with _sentences(path):
        target = _target(path, follow=follow)
        descriptor, probe = tempfile.mkstemp(dir=target.parent, prefix=".stepprove-", suffix=".tmp")
        os.close(descriptor)
        os.unlink(probe)
        if target.exists():
            with target.open("r+b"):
                pass


@contextlib.contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What the system says against writing a file, in one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise OutputError(f"{path} cannot be written: its directory does not exist.") from None
    except OSError as problem:
        words = "the disk is full" if problem.errno in _FULL else problem.strerror or str(problem)
        raise OutputError(f"{path} cannot be written: {words[:1].lower()}{words[1:]}.") from None
    except ValueError as problem:  # a NUL in the path
        raise OutputError(f"{path!s:.200} cannot be written: {problem}.") from None


def _target(path: Path, *, follow: bool) -> Path:
    """The file to write. Raises OutputError for what is no regular file."""
    if "\0" in str(path):  # `exists` would say no more than that it is not there
        raise ValueError("embedded null byte")
    if path.is_symlink() and not follow:
        raise OutputError(
            f"{path} is a symbolic link, which is not followed: name the file itself, or another."
        )
    target = Path(os.path.realpath(path)) if follow else path
    if target.is_dir():
        raise OutputError(f"{path} is a directory, not a file to write.")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file.")
    return target


def _usual_mode(like: Path | None) -> int:
    """The permissions of a new file."""
    if like is not None:
        with contextlib.suppress(OSError):
            return stat.S_IMODE(like.stat().st_mode) & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _write_new(target: Path, data: bytes, mode: int) -> None:
    with _beside(target, data) as (descriptor, temporary):
        os.fchmod(descriptor, mode)
        os.replace(temporary, target)
    _sync_directory(target.parent)


def _rewrite(target: Path, before: bytes, data: bytes) -> tuple[str, ...]:
    """Give a file another content; returns what the user should know."""
    with (
        open(target, "r+b") as file,
        _beside(target, data) as (descriptor, temporary),
    ):  # r+b: may it be written?
        status = os.fstat(file.fileno())
        special = _special(file.fileno(), status)
        if status.st_nlink == 1 and _dressed_alike(descriptor, file.fileno(), status):
            os.replace(temporary, target)
            _sync_directory(target.parent)
        else:  # what the file is cannot be given to another one
            _overwrite(file.fileno(), before, data)
            if stat.S_IMODE(status.st_mode) & _SPECIAL:
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) & ~_SPECIAL)
            with contextlib.suppress(OSError):
                os.removexattr(file.fileno(), _CAPABILITY)
    return tuple(f"{target} {what}, which was taken away: its content is another now." for what in special)


def _special(descriptor: int, status: os.stat_result) -> list[str]:
    """What lets others run a file as somebody else."""
    found = []
    if status.st_mode & stat.S_ISUID:
        found.append("had its set-user-ID bit set")
    if status.st_mode & stat.S_ISGID:
        found.append("had its set-group-ID bit set")
    if _CAPABILITY in _attributes(descriptor):
        found.append("had capabilities")
    return found


def _dressed_alike(descriptor: int, like: int, status: os.stat_result) -> bool:
    """Give a new file all that another one has but its content; whether that is possible."""
    try:
        own = os.fstat(descriptor)
        if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~_SPECIAL)
        wanted = [name for name in _attributes(like) if name != _CAPABILITY]
        for name in _attributes(descriptor):
            if name not in wanted:
                os.removexattr(descriptor, name)
        for name in wanted:
            value = os.getxattr(like, name)
            if name not in _attributes(descriptor) or os.getxattr(descriptor, name) != value:
                os.setxattr(descriptor, name, value)
    except OSError:
        return False
    return True


def _attributes(descriptor: int) -> list[str]:
    """Extended attributes, access lists among them; none where the system or the file system has none."""
    if not hasattr(os, "listxattr"):
        return []
    try:
        return os.listxattr(descriptor)
    except OSError as problem:
        if problem.errno == errno.ENOTSUP:
            return []
        raise


@contextlib.contextmanager
def _beside(target: Path, data: bytes) -> Iterator[tuple[int, str]]:
    """A new file with the content, on the disk, in the same directory; gone afterwards unless it was renamed."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".stepprove-", suffix=".tmp")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(descriptor)
        yield descriptor, temporary
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _overwrite(descriptor: int, before: bytes, data: bytes) -> None:
    """Write into the file itself; a failure brings the old content back. Meanwhile the new one stands in a file beside it too."""
    try:
        if len(data) > len(before) and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, len(data))  # no room, no beginning
        _put(descriptor, data)
    except OSError:
        _put(descriptor, before)
        raise


def _put(descriptor: int, data: bytes) -> None:
    at = 0
    while at < len(data):
        at += os.pwrite(descriptor, data[at:], at)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    """Make a rename in a directory outlast a power failure, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
