"""The one runner of the policies: who works when, and what ends it, on a real engine with a scripted goal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest

from stepprove.agent.engines import Engines
from stepprove.agent.policies import SCHEDULES, Schedule, run_policy
from stepprove.agent.stop import Stop
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.on_first_use import OnFirstUse
from stepprove.outcome import Outcome

RUNAWAY = "example : (List.range 10000000000).length = 1 := by decide +kernel"


@dataclass(frozen=True)
class Result:
    outcome: Outcome
    by: str


@dataclass
class Script:
    """A goal whose search and model end as written, each after so many seconds."""

    search_ends: Outcome = Outcome.FAILED
    search_takes: float = 0.0
    model_ends: Outcome = Outcome.FAILED
    model_takes: float = 0.0
    known: Result | None = None
    events: list[str] = field(default_factory=list)

    def open(self, repl: Repl, stop: Event) -> Result | None:
        self.events.append("open")
        return self.known

    def search(self, repl: Repl, seconds: float, stop: Event) -> Result:
        self.events.append("search")
        if self.search_takes > 5:
            with pytest.raises(ReplFailure):
                repl.command(RUNAWAY, timeout=self.search_takes)
            self.events.append("search cut" if stop.is_set() else "search lost")
        stop.wait(self.search_takes)
        return Result(self.search_ends, "search")

    async def ask(self, seconds: float) -> Result | None:
        self.events.append("ask")
        try:
            await asyncio.sleep(self.model_takes)
        except asyncio.CancelledError:
            self.events.append("model cut")
            raise
        return Result(self.model_ends, "model")

    def merge(self, model: Result | None, search: Result | None) -> Result:
        return Result(Outcome.FAILED, "both" if model and search else "model" if model else "search")


QUICK = Schedule(search_seconds=60.0, head_start=0.3, head_start_share=1.0)


def run(pool: Pool, schedule: Schedule, script: Script, seconds: float = 30.0) -> Result:
    async def body() -> Result:
        return await run_policy(schedule, seconds, script, Engines(pool, 1, keep=False), Event())

    return asyncio.run(body())


def test_a_search_that_succeeds_within_the_head_start_asks_no_model(pool: Pool) -> None:
    script = Script(search_ends=Outcome.PROVED)
    assert run(pool, QUICK, script) == Result(Outcome.PROVED, "search")
    assert script.events == ["open", "search"]


def test_the_model_starts_at_once_where_the_search_gives_up(pool: Pool) -> None:
    script = Script(model_ends=Outcome.PROVED)
    started = time.monotonic()
    assert run(pool, Schedule(60.0, 20.0, 1.0), script) == Result(Outcome.PROVED, "model")
    assert time.monotonic() - started < 10.0


def test_a_models_success_cuts_the_search_in_the_middle_of_a_request(pool: Pool) -> None:
    script = Script(search_takes=60.0, model_ends=Outcome.PROVED)
    started = time.monotonic()
    assert run(pool, QUICK, script) == Result(Outcome.PROVED, "model")
    assert script.events == ["open", "search", "ask", "search cut"]
    assert time.monotonic() - started < 20.0


def test_a_searchs_success_cuts_the_model(pool: Pool) -> None:
    script = Script(search_ends=Outcome.DISPROVED, search_takes=1.0, model_takes=60.0)
    assert run(pool, QUICK, script) == Result(Outcome.DISPROVED, "search")
    assert script.events[-1] == "model cut"


def test_two_failures_are_merged(pool: Pool) -> None:
    assert run(pool, QUICK, Script(search_takes=0.6)) == Result(Outcome.FAILED, "both")


def test_a_known_goal_needs_neither_side(pool: Pool) -> None:
    script = Script(known=Result(Outcome.PROVED, "cache"))
    assert run(pool, QUICK, script) == Result(Outcome.PROVED, "cache")
    assert script.events == ["open"]


def test_the_portfolio_has_no_model_and_the_model_no_search(pool: Pool) -> None:
    alone = Script()
    assert run(pool, SCHEDULES["portfolio"], alone).by == "search"
    assert alone.events == ["open", "search"]
    model = Script()
    assert run(pool, SCHEDULES["model"], model).by == "model"
    assert model.events == ["open", "ask"]


def test_the_head_start_begins_when_the_goal_has_its_engine(pool: Pool) -> None:
    """The second goal waits for the first one's engine; its model must not start while it waits."""
    first, second = Script(search_takes=2.0), Script(search_takes=0.2, search_ends=Outcome.PROVED)

    async def body() -> None:
        engines = Engines(pool, 1, keep=False)
        head_start = Schedule(60.0, 1.0, 1.0)
        await asyncio.gather(
            run_policy(SCHEDULES["portfolio"], 30.0, first, engines, Event()),
            run_policy(head_start, 30.0, second, engines, Event()),
        )

    asyncio.run(body())
    assert second.events == ["open", "search"]


def test_a_schedule_is_bounded_by_the_goals_own_time() -> None:
    auto = SCHEDULES["auto"]
    assert (auto.search_within(600.0), auto.search_within(20.0)) == (60.0, 20.0)
    assert (auto.model_after(600.0), auto.model_after(8.0)) == (5.0, 2.0)
    assert SCHEDULES["portfolio"].model_after(600.0) is None
    assert not SCHEDULES["model"].searches


def test_a_stop_ends_a_coroutine_from_any_thread() -> None:
    stop = Stop()

    async def body() -> tuple[str | None, str | None]:
        asyncio.get_running_loop().run_in_executor(None, stop.set)
        cut = await stop.ends(asyncio.sleep(60.0, "late"))
        return cut, await stop.ends(asyncio.sleep(0.0, "later"))

    assert asyncio.run(body()) == (None, None)
    assert Stop(above=stop).is_set()
    assert asyncio.run(Stop().ends(asyncio.sleep(0.0, "done"))) == "done"


def test_a_context_is_entered_once_and_left_at_the_end() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def context() -> AsyncIterator[str]:
        events.append("enter")
        yield "it"
        events.append("leave")

    async def body() -> None:
        async with OnFirstUse(context) as shared:
            assert await asyncio.gather(shared.get(), shared.get()) == ["it", "it"]
            assert events == ["enter"]

    asyncio.run(body())
    assert events == ["enter", "leave"]


def test_a_context_that_cannot_be_entered_fails_for_every_user() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[str]:
        raise OSError("no such model")
        yield ""

    async def body() -> None:
        async with OnFirstUse(context) as shared:
            for _ in range(2):
                with pytest.raises(OSError, match="no such model"):
                    await shared.get()

    asyncio.run(body())
