"""The policies: which of the search and a model work on a goal, when, and for how long.

`run_policy` is the one runner: `prove` runs it on each hole of a file, `eval run` on each statement of a benchmark. The policies
differ in their `Schedule` alone. The search needs an engine of the pool for itself; the time of a goal begins when it has one.
The first success cancels the other side.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal, Protocol, TypeVar, cast

from stepprove.agent.engines import Engines, Seat
from stepprove.agent.stop import Stop
from stepprove.lean_project.repl.repl import Repl
from stepprove.outcome import Outcome

PolicyName = Literal["portfolio", "model", "auto"]
"""`portfolio`: the search alone; `model`: a model alone; `auto`: the search first, then both."""

LEAST_SECONDS = 0.1
"""The least time for the model, however late it starts."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the search and the model work on one goal."""

    search_seconds: float = math.inf
    """The most seconds of search; 0: none."""
    head_start: float | None = None
    """Seconds of search before the model starts, or less if the search ends before; None: no model."""
    head_start_share: float = 0.25
    """The most that the head start may take of the goal's whole time."""

    @property
    def searches(self) -> bool:
        """Whether there is a search."""
        return self.search_seconds > 0

    def search_within(self, seconds: float) -> float:
        """Return the seconds of search on a goal with so many seconds in all."""
        return min(self.search_seconds, seconds)

    def model_after(self, seconds: float) -> float | None:
        """Return the seconds before the model starts on a goal with so many seconds in all; None: never."""
        return None if self.head_start is None else min(self.head_start, self.head_start_share * seconds)


SCHEDULES: dict[PolicyName, Schedule] = {
    "portfolio": Schedule(),
    "model": Schedule(search_seconds=0.0, head_start=0.0),
    "auto": Schedule(search_seconds=60.0, head_start=5.0),
}
"""The search proves most of its goals within the head start."""

SUCCESSES = (Outcome.PROVED, Outcome.DISPROVED)
"""The outcomes that end the work on a goal."""
FAILURES = (Outcome.INFRASTRUCTURE, Outcome.TIMEOUT, Outcome.REJECTED, Outcome.FAILED)
"""The other outcomes; of several failures the first in this order is the outcome of all."""


class Ended(Protocol):
    """A result with an outcome."""

    @property
    def outcome(self) -> Outcome:
        """The outcome."""
        ...


R = TypeVar("R", bound=Ended)


class Target(Protocol[R]):
    """A goal that a policy works on: a hole of a file, a statement of a benchmark."""

    def open(self, repl: Repl, stop: Event) -> R | None:
        """Look at the goal on an engine; return its result if it needs neither search nor model."""
        ...

    def search(self, repl: Repl, seconds: float, stop: Event) -> R:
        """Search on an engine for so many seconds, until `stop` is set."""
        ...

    async def ask(self, seconds: float) -> R | None:
        """Have the model work for so many seconds; None: the run was stopped before it had an end."""
        ...

    def merge(self, model: R | None, search: R | None) -> R:
        """Return the result of a goal without a success from the results of both sides."""
        ...


async def run_policy(
    schedule: Schedule,
    seconds: float,
    target: Target[R],
    engines: Engines | None,
    stop: Event,
) -> R:
    """Run a policy on one goal.

    Args:
        schedule: the policy's.
        seconds: for the goal, from the moment that it has an engine.
        target: the goal.
        engines: lend the search its engine; None: the schedule has no search, and the goal needs no look.
        stop: stops the search when set; `target.ask` heeds it itself.

    Returns:
        The first success, else the merged failures.

    Raises:
        Exceptions of the target and of `engines`.
    """
    if engines is None:
        return target.merge(await target.ask(seconds), None)
    seat = await engines.borrow()
    scope = Stop(stop)
    try:
        started = time.monotonic()
        if (known := await seat.run(lambda repl: target.open(repl, scope), scope)) is not None:
            return known
        if not schedule.searches:
            seat.end()
            return target.merge(await target.ask(_left(seconds, started)), None)
        return await _race(schedule, seconds, target, seat, scope)
    finally:
        seat.end()


async def _race(schedule: Schedule, seconds: float, target: Target[R], seat: Seat, scope: Stop) -> R:
    """Run the search, and the model after its head start; the first success cancels the other."""

    async def search() -> R:
        try:
            within = schedule.search_within(seconds)
            return await seat.run(lambda repl: target.search(repl, within, scope), scope)
        finally:
            seat.end()  # the model needs no engine of its own

    started = time.monotonic()
    searching = asyncio.create_task(search())
    tasks: set[asyncio.Task[Any]] = {searching}
    try:
        head_start = schedule.model_after(seconds)
        await asyncio.wait(tasks, timeout=head_start)
        if head_start is None or (searching.done() and searching.result().outcome in SUCCESSES):
            return searching.result()
        asking = asyncio.create_task(target.ask(_left(seconds, started)))
        tasks.add(asking)
        pending = tasks
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for result in (task.result() for task in done):
                if result is not None and result.outcome in SUCCESSES:
                    return cast(R, result)
        return target.merge(asking.result(), searching.result())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _left(seconds: float, started: float) -> float:
    return max(LEAST_SECONDS, seconds - (time.monotonic() - started))
