"""The operating system's wall around the engine, where there is one: no network, no writable file, no privileges.

It stands outside the engine's own walls (the runtime lists what Lean may call; Node runs with its permission model), so that
a hole in those still opens nothing. Namespaces that any user may make are tried first, then the program `bwrap`; a system
that allows neither (some containers, macOS) has the inner walls alone, which `stepprove doctor` says.
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
    """How a program is started in the system's sandbox."""

    name: str
    """For people: what the system provides."""
    prefix: tuple[str, ...]
    """What stands before the program's own command."""


@cache
def sandbox() -> Sandbox | None:
    """The sandbox of this system, tried once in each process; None where it has none."""
    if not sys.platform.startswith("linux"):
        return None
    return next((found for found in _candidates() if _works(found)), None)


def _candidates() -> list[Sandbox]:
    found = []
    if sys.executable:
        found.append(Sandbox("namespaces", (sys.executable, "-I", "-S", str(_SCRIPT))))
    if program := which("bwrap"):
        walls = ("--unshare-user", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/", "--dev", "/dev")
        found.append(Sandbox("bubblewrap", (program, *walls, "--cap-drop", "ALL", "--")))
    return found


def _works(candidate: Sandbox) -> bool:
    """Whether a program runs in it and cannot write."""
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
