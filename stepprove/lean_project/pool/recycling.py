"""When the pool replaces a Lean process between two jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from stepprove.lean_project.pool.slot import Slot

__all__ = ["RECYCLE_SHARE", "Replacement", "due_replacement"]

RECYCLE_SHARE = 0.7
"""Of the memory limit: a process that uses more is replaced, since a REPL never gives memory back."""
_MEMORY_INTERVAL = 0.25
"""Seconds between two looks at a process's memory."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Why a process is replaced; both False: it has died, or its job was cancelled."""

    grown: bool
    """It uses more memory than it may keep."""
    touched: bool
    """It has run a program of the last job, which may have changed anything in it."""


def due_replacement(slot: Slot, recycle_mb: float) -> Replacement | None:
    """Decide whether the process of an idle slot is to be replaced.

    Args:
        slot: its job has ended.
        recycle_mb: resident memory, in 10**6 B, beyond which a process is replaced.
    """
    touched = slot.repl.ran_programs
    if touched or not slot.repl.alive or slot.repl is slot.doomed:
        return Replacement(grown=False, touched=touched)
    if time.monotonic() < slot.looked + _MEMORY_INTERVAL:
        return None
    slot.looked = time.monotonic()
    return Replacement(grown=True, touched=False) if slot.repl.memory_mb() > recycle_mb else None
