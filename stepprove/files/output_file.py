"""Write a user's file whole or not at all, and change nothing but its content.

Hard links, owner, group, mode, access lists and other attributes stay. A file with the right content already is left alone. A
symbolic link is followed only if the caller says so. A set-user-ID bit would let others run our text under the owner's rights, so
it is cleared and the caller gets a remark.
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

from stepprove.faults import Failure

_SPECIAL = stat.S_ISUID | stat.S_ISGID
_CAPABILITY = "security.capability"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class OutputError(Failure):
    """The file is not writable and stays unchanged; the message is one sentence."""

    exit_code = 2


class OutputChanged(OutputError):
    """The file has changed since the work began."""


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a file."""

    path: Path
    """The path of the content, symbolic links resolved."""
    changed: bool
    """False if the file had the content already."""
    remarks: tuple[str, ...] = ()
    """Remarks for the user, one sentence each."""


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
        path: the file.
        content: bytes, or text to encode as UTF-8.
        follow: write the target of a symbolic link; the link stays.
        like: a new file gets the permissions of this one, if it exists.
        expected: the content that the file must have now.

    Raises:
        OutputChanged: the file differs from `expected`.
        OutputError: the file is not writable.
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
    """Refuse a path early if `write_output` could not write it later. Raises OutputError."""
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
    """Turn the system's errors on a file into one sentence."""
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
    """The file to write. Raises OutputError if it is no regular file."""
    if "\0" in str(path):  # `exists` would only answer False
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
    """Replace a file's content; return the remarks for the user."""
    with (
        open(target, "r+b") as file,
        _beside(target, data) as (descriptor, temporary),
    ):  # r+b fails if the file is not writable
        status = os.fstat(file.fileno())
        special = _special(file.fileno(), status)
        if status.st_nlink == 1 and _dressed_alike(descriptor, file.fileno(), status):
            os.replace(temporary, target)
            _sync_directory(target.parent)
        else:  # a new file could not get this one's links or attributes
            _overwrite(file.fileno(), before, data)
            if stat.S_IMODE(status.st_mode) & _SPECIAL:
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) & ~_SPECIAL)
            with contextlib.suppress(OSError):
                os.removexattr(file.fileno(), _CAPABILITY)
    return tuple(f"{target} {what}, which was taken away: its content is another now." for what in special)


def _special(descriptor: int, status: os.stat_result) -> list[str]:
    """The attributes that let others run a file under other rights."""
    reasons = []
    if status.st_mode & stat.S_ISUID:
        reasons.append("had its set-user-ID bit set")
    if status.st_mode & stat.S_ISGID:
        reasons.append("had its set-group-ID bit set")
    if _CAPABILITY in _attributes(descriptor):
        reasons.append("had capabilities")
    return reasons


def _dressed_alike(descriptor: int, like: int, status: os.stat_result) -> bool:
    """Copy owner, mode and attributes of the file `like` to a new file; False if the system refuses."""
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
    """Extended attributes, access lists included; empty if the system or the file system has none."""
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
    """A new file with the content, synced to disk, in the same directory; it is removed afterwards unless it was renamed."""
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
    """Write into the file itself and restore the old content on failure; a file beside it holds the new content meanwhile."""
    try:
        if len(data) > len(before) and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, len(data))  # fail before the first byte if the disk is full
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
    """Make a rename in a directory survive a power failure, if the file system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
