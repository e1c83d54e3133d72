"""The queue in front of the engines."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from stepprove.lean_project.pool.job_queue import PASSED_OVER, SECONDS_A_LEVEL, JobQueue
from stepprove.lean_project.pool.prefix_cache import common_prefix


@dataclass(eq=False)
class Job:
    name: int = 0
    priority: int = 0
    passed_over: int = 0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def anybody(job: Job) -> int:
    return 0


def test_nobody_waits_for_ever_behind_higher_priorities() -> None:
    clock = Clock()
    queue: JobQueue[Job] = JobQueue(clock)
    patient = Job()
    queue.add(patient)
    served: list[Job | None] = []
    while patient not in served:
        clock.now += 1
        queue.add(Job(priority=1))
        served.append(queue.take(anybody))
    assert SECONDS_A_LEVEL - 1 <= len(served) <= SECONDS_A_LEVEL + 1


def test_a_job_is_passed_over_only_so_often_for_better_suited_ones() -> None:
    queue: JobQueue[Job] = JobQueue(Clock())
    slow = Job()
    queue.add(slow)
    served = []
    while slow not in served:
        queue.add(Job(name=1))
        served.append(queue.take(lambda job: job.name))
    assert len(served) == PASSED_OVER + 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(-2, 2)),
            st.tuples(st.just("take"), st.integers(0, 5)),
            st.tuples(st.just("remove"), st.integers(0, 50)),
            st.tuples(st.just("wait"), st.integers(0, 60)),
        )
    )
)
def test_every_job_leaves_the_line_exactly_once(steps: list[tuple[str, int]]) -> None:
    clock = Clock()
    queue: JobQueue[Job] = JobQueue(clock)
    added: list[Job] = []
    left: list[Job] = []
    for what, number in steps:
        if what == "add":
            added.append(Job(name=len(added), priority=number))
            queue.add(added[-1])
        elif what == "take":
            taken = queue.take(lambda job, number=number: job.name % (number + 1))  # type: ignore[misc]
            assert (taken is None) == (len(added) == len(left))
            left += [taken] if taken is not None else []
        elif what == "remove" and added:
            job = added[number % len(added)]
            gone = any(job is other for other in left)
            assert queue.remove(job) is not gone
            left += [] if gone else [job]
        else:
            clock.now += number
    while (taken := queue.take(anybody)) is not None:
        left.append(taken)
    assert sorted(map(id, left)) == sorted(map(id, added))
    assert len(queue) == 0


@given(st.text(), st.text(), st.text())
def test_a_common_prefix_is_as_long_as_it_can_be(shared: str, a: str, b: str) -> None:
    length = common_prefix(shared + a, shared + b)
    assert length >= len(shared)
    assert (shared + a)[:length] == (shared + b)[:length]
    assert (shared + a)[length : length + 1] != (shared + b)[length : length + 1] or not (shared + a)[length:]
