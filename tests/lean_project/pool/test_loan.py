"""One engine of a pool, lent for several pieces of work, on real Lean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from threading import Event

import pytest

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.loan import Loan
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure

RUNAWAY = "example : (List.range 10000000000).length = 1 := by decide +kernel"


@pytest.fixture(scope="module")
def pool(engine: Engine) -> Iterator[SyncPool]:
    with SyncPool(engine, size=1, standby=0) as pool:
        yield pool


def define(repl: Repl) -> int:
    answer = repl.command("def three := 3")
    assert isinstance(answer, CommandResponse)
    return answer.env


def stuck(repl: Repl) -> str:
    """Work at a request that never ends; say how it ended."""
    try:
        repl.command(RUNAWAY, timeout=60.0)
    except ReplFailure:
        return "cut"
    return "answered"


def test_environments_stay_from_one_piece_of_work_to_the_next(pool: SyncPool) -> None:
    async def body() -> bool:
        loan = await Loan.borrow(Pool.over(pool))
        try:
            env = await loan.run(define, Event())
            answer = await loan.run(lambda repl: repl.command("#check three", env), Event())
        finally:
            loan.end()
        return isinstance(answer, CommandResponse) and not answer.has_errors

    assert asyncio.run(body())


def test_work_is_stopped_when_its_time_is_up_and_its_result_counts(pool: SyncPool) -> None:
    async def body() -> tuple[str, bool]:
        loan, stop = await Loan.borrow(Pool.over(pool)), Event()
        try:
            return await loan.run(stuck, stop, within=1.0), stop.is_set()
        finally:
            loan.end()

    started = time.monotonic()
    assert asyncio.run(body()) == ("cut", True)
    assert time.monotonic() - started < 30.0


def test_a_cancelled_borrower_stops_its_work_and_leaves_the_engine_to_others(pool: SyncPool) -> None:
    async def body() -> bool:
        face, stop, begun = Pool.over(pool), Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(repl: Repl) -> str:
            loop.call_soon_threadsafe(begun.set)
            return stuck(repl)

        async def borrow() -> None:
            loan = await Loan.borrow(face)
            try:
                await loan.run(work, stop)
            finally:
                loan.end()

        task = asyncio.create_task(borrow())
        await begun.wait()
        waiting = asyncio.create_task(Loan.borrow(face))
        await asyncio.sleep(0)
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        return stop.is_set() and (await face.check("#eval 1 + 1")).answer is not None

    assert asyncio.run(body())


def test_an_engine_comes_back_from_a_borrower_whose_event_loop_is_gone(pool: SyncPool) -> None:
    async def forgets() -> None:
        await Loan.borrow(Pool.over(pool))

    asyncio.run(forgets())
    assert pool.check("example : 1 = 1 := rfl").outcome == "answered"


def test_what_the_work_raises_is_raised_to_the_borrower(pool: SyncPool) -> None:
    def wrong(repl: Repl) -> None:
        raise ZeroDivisionError

    async def body() -> None:
        loan = await Loan.borrow(Pool.over(pool))
        try:
            await loan.run(wrong, Event())
        finally:
            loan.end()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(body())
