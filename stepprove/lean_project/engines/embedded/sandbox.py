"""The operating system's sandbox around the engine, if there is one: no network, no writable file, no privileges.

It surrounds the engine's own walls (the runtime lists the calls that Lean may make; Node runs with its permission model), so that
a hole in those opens nothing. The sandbox uses namespaces of the user, or else the program `bwrap`. A system that allows neither
(some containers, macOS) has the inner walls alone; `stepprove doctor` reports it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

_SCRIPT = Path(__file__).parent / "confine.py"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A way to start a program in the system's sandbox."""

    name: str
    """The system's mechanism, for people."""
    prefix: tuple[str, ...]
    """The words before the program's own command."""


@cache
def sandbox() -> Sandbox | None:
    """The sandbox of this system, tested once in each process; None if there is none."""
    if not sys.platform.startswith("linux"):
        return None
    return next((candidate for candidate in _candidates() if _works(candidate)), None)


def _candidates() -> list[Sandbox]:
    candidates = []
    if sys.executable:
        candidates.append(Sandbox("namespaces", (sys.executable, "-I", "-S", str(_SCRIPT))))
    if program := which("bwrap"):
        walls = ("--unshare-user", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/", "--dev", "/dev")
        candidates.append(Sandbox("bubblewrap", (program, *walls, "--cap-drop", "ALL", "--")))
    return candidates


def _works(candidate: Sandbox) -> bool:
    """Whether a program runs in the sandbox and cannot write."""
    true = which("true")
    if true is None:
        return False
    try:
        done = subprocess.run(
            [*candidate.prefix, true], capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
