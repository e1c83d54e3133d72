"""Start a command as the leader of a process group, and signal the whole group.

The child leads a session of its own and never outlives its owner: a watcher in the group reads a pipe whose other end only
the owner holds, and kills the group when the owner dies, even of kill -9. (Linux's PR_SET_PDEATHSIG would not do: it
fires when the *thread* that started the child ends.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# The watcher opens the lifeline by name, as a POSIX shell need not redirect from descriptors above 9. Where
# there is no /dev/fd, `exec` fails and ends the watcher, and the child merely has none.
_LAUNCH = """
{{ exec </dev/fd/{lifeline} >/dev/null 2>&1; read -r _; kill -9 0; }} &
{limits}
exec "$@"
"""


def start_group(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int,
    cwd: Path | None = None,
    limits: str = "",
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command and its watcher.

    Args:
        command: the program and its arguments.
        environment: all variables of the child.
        stdin: a descriptor, or `subprocess.PIPE` or `DEVNULL`.
        stdout: a descriptor, a file, or `subprocess.PIPE`.
        stderr: a descriptor, or `subprocess.PIPE` or `STDOUT`.
        cwd: the working directory; None: the owner's.
        limits: shell commands that run before the program, such as `ulimit`.

    Returns:
        The child, and the owner's end of the lifeline: the watcher kills the group once it is closed.

    Raises:
        OSError: the system cannot start a process.
    """
    watched, lifeline = os.pipe()
    try:
        popen = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH.format(lifeline=watched, limits=limits), "sh", *command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            cwd=cwd,
            env=environment,
            start_new_session=True,
            pass_fds=(watched,),
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(watched)
    return popen, lifeline


def signal_group(leader: int, number: signal.Signals) -> None:
    """Signal every process of a group, if any is left."""
    # macOS answers EPERM when only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
