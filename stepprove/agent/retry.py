"""Retry work whose Lean process was lost, also while it started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stepprove.lean_project.repl.errors import ReplCrashed, ReplProtocolError, ReplStateLost

TRIES = 3
LOST = (ReplCrashed, ReplProtocolError, ReplStateLost)
"""The failures of a process that may not recur."""
_Result = TypeVar("_Result")


def retry_lost_process(work: Callable[[], _Result], stop: Callable[[], bool] = lambda: False) -> _Result:
    """Do a piece of work; repeat it while its process dies, `TRIES` times in all.

    Args:
        work: raises ReplFailure when its process fails.
        stop: no retry once this returns true.

    Raises:
        ReplFailure: the last failure. A time-out or a memory limit is not retried: it would recur.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except LOST:
            if stop():
                raise
    return work()
