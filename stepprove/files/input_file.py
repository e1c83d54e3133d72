"""Checks on a user's input file before a command reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from stepprove.faults import Failure


class InputError(Failure):
    """The file is not readable; the message is one sentence."""

    exit_code = 2


def require_file(path: Path) -> Path:
    """Return the path of a readable regular file; a pipe without a writer would block for ever. Raises InputError."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise InputError(f"{path} is a directory, not a file.")
        if not stat.S_ISREG(kind):
            raise InputError(f"{path} is not a regular file.")
        if not os.access(path, os.R_OK):
            raise InputError(f"{path} cannot be read: permission denied.")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} does not exist.") from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        words = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise InputError(f"{path!s:.200} cannot be read: {words[:1].lower()}{words[1:]}.") from None
    return path
