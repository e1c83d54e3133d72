"""The queue of jobs in front of the engines: which job runs next, and on which engine."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

SECONDS_A_LEVEL = 30.0
"""Seconds of waiting that outweigh one level of priority, so that no job starves."""

LOOKED_AT = 8
"""How many jobs at the head of the queue compete to suit an engine."""

PASSED_OVER = 8
"""How often a better suited job from behind may overtake one job."""


class _Job(Protocol):
    priority: int
    passed_over: int


J = TypeVar("J", bound=_Job)


class JobQueue(Generic[J]):
    """Jobs in order of arrival; each level of priority counts as 30 seconds of waiting. Not safe for threads."""

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
        """Insert a job by its priority and arrival."""
        key = (self._clock() - job.priority * SECONDS_A_LEVEL, next(self._numbers))
        at = bisect.bisect(self._keys, key)
        self._keys.insert(at, key)
        self._jobs.insert(at, job)

    def remove(self, job: J) -> bool:
        """Remove a job; False if it is not in the queue."""
        for at, waiting in enumerate(self._jobs):
            if waiting is job:
                del self._keys[at], self._jobs[at]
                return True
        return False

    def take(self, suits: Callable[[J], int]) -> J | None:
        """Remove and return the next job: of the first few, the one that `suits` most, unless the first was overtaken too often.

        None: the queue is empty.
        """
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
