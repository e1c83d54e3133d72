"""The line in front of the engines: who is served next, and by which engine."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

SECONDS_A_LEVEL = 30.0
"""How much longer a job of the next lower priority may have waited and still come after: nobody starves."""

LOOKED_AT = 8
"""How many jobs at the head of the line are looked at for one that suits an engine better."""

PASSED_OVER = 8
"""How often a job may be passed over for a better suited one behind it."""


class _Job(Protocol):
    priority: int
    passed_over: int


J = TypeVar("J", bound=_Job)


class JobQueue(Generic[J]):
    """Jobs in order of arrival, priorities counted as time that was waited already.

    A job of priority p stands where one of priority 0 would that came p * 30 seconds earlier. Not safe for threads.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._keys: list[tuple[float, int]] = []
        self._jobs: list[J] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[J]:
        return iter(tuple(self._jobs))

    def add(self, job: J) -> None:
        """Put a job where its priority and its arrival say."""
        key = (self._clock() - job.priority * SECONDS_A_LEVEL, next(self._numbers))
        at = bisect.bisect(self._keys, key)
        self._keys.insert(at, key)
        self._jobs.insert(at, job)

    def remove(self, job: J) -> bool:
        """Take a job out; False when it is not there."""
        for at, waiting in enumerate(self._jobs):
            if waiting is job:
                del self._keys[at], self._jobs[at]
                return True
        return False

    def take(self, suits: Callable[[J], int]) -> J | None:
        """The next job: of the first few, the one that `suits` most, but none is passed over for ever. None: nobody waits."""
        if not self._jobs:
            return None
        first = self._jobs[0]
        best = 0
        if first.passed_over < PASSED_OVER and len(self._jobs) > 1:
            fits = [suits(job) for job in self._jobs[:LOOKED_AT]]
            best = max(range(len(fits)), key=lambda at: (fits[at], -at))
        for job in self._jobs[:best]:
            job.passed_over += 1
        del self._keys[best]
        return self._jobs.pop(best)
