"""What a lost Lean process costs: the same work once more, in the next one, also when it was lost while it started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stepprove.lean_project.repl.errors import ReplCrashed, ReplProtocolError, ReplStateLost

TRIES = 3
_Result = TypeVar("_Result")


def retry_lost_process(work: Callable[[], _Result], stop: Callable[[], bool] = lambda: False) -> _Result:
    """Do a piece of work, and do it anew when its process dies, `TRIES` times in all and not after `stop` says so.

    Time-outs and too much memory are no such loss: they would come again. Raises ReplFailure.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except (ReplCrashed, ReplProtocolError, ReplStateLost):
            if stop():
                raise
    return work()
