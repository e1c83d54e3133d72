"""Many engines on real Lean: every job is answered exactly once, and for what it is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Check, Pool, PoolClosed, PoolFull, SyncPool
from stepprove.lean_project.pool.work import lend_job
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome

RUNAWAY = "partial def spin (n : Nat) : IO Unit := spin (n + 1)\n#eval spin 0\n"
HOG = "partial def grow (xs : Array Nat) : IO Unit := grow (xs.push 1)\n#eval grow #[1]\n"
GOOD = "theorem good (a b : Nat) : a + b = b + a := by omega\n"


@pytest.fixture(scope="module")
def pool(engine: Engine) -> Iterator[SyncPool]:
    """Two engines, both warm."""
    with SyncPool(engine, size=2, timeout=60) as pool:
        list(pool.check_all(["", ""]))
        yield pool


def ask(pool: SyncPool, code: str, **options: float) -> tuple[threading.Thread, list[Check | BaseException]]:
    """Check in another thread; gives the thread and where its result will be."""
    results: list[Check | BaseException] = []

    def run() -> None:
        try:
            results.append(pool.check(code, **options))  # type: ignore[arg-type]
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def until(condition: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_text_is_answered_with_its_time_and_its_engine(pool: SyncPool) -> None:
    check = pool.check(GOOD)
    assert (check.outcome, check.reason) == ("answered", None)
    assert check.answer is not None
    assert not check.answer.messages  # type: ignore[union-attr]
    assert check.seconds > 0
    assert check.engine in {0, 1}


def test_time_memory_and_errors_are_told_apart_and_counted(engine: Engine) -> None:
    with SyncPool(engine, size=2, timeout=60, memory_limit_mb=1100) as pool:
        pool.check("")
        runaway, hog = ask(pool, RUNAWAY, timeout=3.0), ask(pool, HOG, timeout=60.0)
        for thread, _ in (runaway, hog):
            thread.join()
        assert [getattr(r[0], "outcome", r[0]) for _, r in (runaway, hog)] == ["timeout", "memory"]
        wrong = pool.check("theorem t : 1 = 2 := rfl\n")
        assert wrong.outcome == "answered"
        assert wrong.answer is not None
        assert wrong.answer.has_errors  # type: ignore[union-attr]
        stats = pool.stats
        assert (stats.timeouts, stats.memory_kills, stats.crashes, stats.answered) == (1, 1, 0, 2)


def test_a_job_whose_engine_is_killed_from_outside_is_answered_by_another(engine: Engine) -> None:
    with SyncPool(engine, size=1, timeout=60) as pool:
        pids: list[int | None] = []
        pool.run(lambda repl: pids.append(repl.pid))
        thread, results = ask(pool, RUNAWAY.replace("spin 0", "IO.sleep 1500") + GOOD)
        until(lambda: pool.stats.running == 1)
        time.sleep(0.3)
        assert pids[0], "the engine's process is known"
        os.kill(pids[0], signal.SIGKILL)
        thread.join()
        assert getattr(results[0], "outcome", results[0]) == "answered"
        assert pool.stats.retried == 1
        assert pool.stats.crashes == 0


def test_a_text_that_ends_its_lean_has_failed_and_is_not_tried_again(engine: Engine) -> None:
    with SyncPool(engine, size=1, timeout=60, retries=1) as pool:
        check = pool.check("#eval (IO.Process.exit 0 : IO Unit)\n")
        assert (check.outcome, check.unanswered) == ("ended", Outcome.FAILED)
        assert "Lean" in (check.reason or "")
        assert (pool.stats.crashes, pool.stats.retried) == (0, 0)
        assert pool.check(GOOD).outcome == "answered"


def test_a_header_is_elaborated_once_in_each_process_and_again_after_a_kill(engine: Engine) -> None:
    with SyncPool(engine, size=1, timeout=60) as pool:
        header = "import Std\n"
        for _ in range(3):
            assert pool.check("example : 1 = 1 := rfl\n", header=header).outcome == "answered"
        assert (pool.stats.header_misses, pool.stats.header_hits) == (1, 2)
        assert pool.check(RUNAWAY, header=header, timeout=2.0).outcome == "timeout"
        check = pool.check("#check (Std.HashMap Nat Nat)\n", header=header)
        assert check.outcome == "answered"
        assert not check.answer.has_errors  # type: ignore[union-attr]
        assert pool.stats.header_misses == 2


def test_the_gate_judges_in_the_pool(pool: SyncPool) -> None:
    original = parse_source("theorem two : 1 + 1 = 2 := by sorry\n")
    for proof, outcome in (("rfl", Outcome.PROVED), ("by sorry", Outcome.FAILED)):
        candidate = parse_source(original.text.replace("by sorry", proof))
        assert pool.verify(original, candidate).outcome is outcome
    loop = parse_source(RUNAWAY + original.text.replace("by sorry", "rfl"))
    assert pool.verify(original, loop, timeout=3).outcome is Outcome.TIMEOUT


def test_a_text_goes_where_its_beginning_has_been(pool: SyncPool) -> None:
    beginning = "".join(GOOD.replace("good", f"affine{i}") for i in range(4))
    before = pool.stats.prefix_hits
    engines = {pool.check(beginning + f"example : {i} = {i} := rfl\n").engine for i in range(6)}
    assert len(engines) == 1
    assert pool.stats.prefix_hits == before + 5


def test_priorities_come_first_and_too_many_are_refused(engine: Engine) -> None:
    with SyncPool(engine, size=1, timeout=60, max_waiting=2) as pool:
        pool.check("")
        order: list[str] = []
        gate = threading.Event()
        held = threading.Thread(target=lambda: pool.run(lambda repl: gate.wait(60)))
        held.start()
        until(lambda: pool.stats.running == 1)
        threads = []
        for name, priority in (("late", 0), ("early", 1)):
            work = lambda repl, name=name: order.append(name)  # noqa: E731
            threads.append(threading.Thread(target=pool.run, args=(work,), kwargs={"priority": priority}))
            threads[-1].start()
            until(lambda: pool.stats.waiting == len(threads))
        with pytest.raises(PoolFull):
            pool.check(GOOD)
        gate.set()
        for thread in [held, *threads]:
            thread.join()
        assert order == ["early", "late"]
        assert pool.stats.refused == 1


def test_a_process_that_has_grown_is_replaced_between_two_jobs(engine: Engine) -> None:
    with SyncPool(engine, size=1, timeout=60, recycle_mb=100) as pool:
        pids: list[int | None] = []
        for _ in range(2):
            pool.run(lambda repl: pids.append(repl.pid))
            time.sleep(0.3)
        assert pids[0] != pids[1]
        assert pool.stats.recycled >= 1
        assert pool.check(GOOD).outcome == "answered"


def test_closing_ends_what_runs_and_what_waits(engine: Engine) -> None:
    pool = SyncPool(engine, size=1, timeout=60)
    pool.check("")
    jobs = [ask(pool, RUNAWAY), ask(pool, GOOD)]
    until(lambda: pool.stats.running == 1 and pool.stats.waiting == 1)
    pool.close()
    pool.close()
    for thread, results in jobs:
        thread.join()
        assert isinstance(results[0], PoolClosed)
    with pytest.raises(PoolClosed):
        pool.check(GOOD)


def test_what_work_raises_is_raised_to_its_caller(pool: SyncPool) -> None:
    def work(repl: Repl) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        pool.run(work)
    assert pool.check(GOOD).outcome == "answered"


def test_the_end_of_a_cancelled_job_does_not_reach_the_next_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, ended = threading.Event(), threading.Event()
    close = Repl.close

    def late(repl: Repl) -> None:
        if threading.current_thread() is canceller:  # the job ends by itself before its process is ended
            closing.set()
            ended.wait(30)
        close(repl)

    monkeypatch.setattr(Repl, "close", late)
    original, candidate = parse_source("theorem t : 1 = 1 := sorry"), parse_source("theorem t : 1 = 1 := rfl")
    with SyncPool(engine, size=1) as pool:
        goes_on, runs = threading.Event(), threading.Event()

        def work(repl: Repl) -> None:
            runs.set()
            goes_on.wait(30)

        job = pool.submit(lend_job(work, 0))
        runs.wait(30)
        canceller = threading.Thread(target=pool.cancel, args=(job,))
        canceller.start()
        closing.wait(30)
        goes_on.set()
        timer = threading.Timer(0.05, ended.set)  # amid the next job, as far as it has the same process
        timer.start()
        assert pool.verify(original, candidate).outcome is Outcome.PROVED
        canceller.join()


def test_asyncio_jobs_run_side_by_side_and_a_cancelled_one_frees_its_engine(engine: Engine) -> None:
    async def main() -> None:
        async with Pool(engine, size=1, timeout=60) as pool:
            await pool.check("")
            running = asyncio.create_task(pool.check(RUNAWAY))
            while not pool.stats.running:
                await asyncio.sleep(0.02)
            waiting = asyncio.create_task(pool.check(GOOD))
            await asyncio.sleep(0.1)
            waiting.cancel()
            running.cancel()
            ended = await asyncio.gather(running, waiting, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in ended)
            assert (await asyncio.wait_for(pool.check(GOOD), 60)).outcome == "answered"
            assert pool.stats.cancelled == 2
            results = [check.outcome async for _, check in pool.check_all([GOOD] * 5)]
            assert results == ["answered"] * 5

    asyncio.run(main())


def test_a_cancelled_judgement_leaves_the_pool_able_to_judge(engine: Engine) -> None:
    """A text that runs programs is judged in a second process, which must not end with the cancelled job."""
    notation = 'notation "three" => 3\n'
    original = parse_source(f"{notation}theorem t : three = 3 := by sorry\n")
    honest = parse_source(f"{notation}theorem t : three = 3 := by rfl\n")
    endless = "example : (List.range 10000000000).length = 1 := by decide +kernel"
    runaway = parse_source(f"{notation}{endless}\ntheorem t : three = 3 := by rfl\n")

    async def body() -> None:
        async with Pool(engine, size=1, standby=0) as pool:
            assert (await pool.verify(original, honest)).accepted
            judging = asyncio.create_task(pool.verify(original, runaway))
            await asyncio.sleep(3.0)
            judging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await judging
            assert (await pool.verify(original, honest)).accepted

    asyncio.run(body())


def test_no_process_outlives_a_parent_that_is_killed(engine: Engine, tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from stepprove.lean_project import find_engine\n"
        "from stepprove.lean_project.pool.pool import SyncPool\n"
        "pool = SyncPool(find_engine(prefer='embedded'), size=2)\n"
        "for _ in range(2): pool.run(lambda repl: print(repl.pid, flush=True))\n"
        "print('ready', flush=True)\n"
        "pool.check('partial def spin (n : Nat) : IO Unit := spin (n + 1)\\n#eval spin 0')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = []
    while (line := parent.stdout.readline().strip()) != "ready":
        pids.append(int(line))
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def plain(engine: Engine) -> Iterator[SyncPool]:
    """A pool that must treat its engine as it would the community's REPL."""
    with SyncPool(replace(engine, supports_inspect=False), size=1, timeout=60) as pool:
        yield pool


FILE = """\
import Std
namespace A
theorem one (n : Nat) : n ≤ n + 1 := by omega

open Nat in
theorem two : 1 = 2 := by
  sorry
theorem three : 1 = 2 := rfl
end A
#check A.one
"""


def test_a_plain_repl_is_sent_a_file_in_pieces_and_says_the_same(plain: SyncPool, repl: Repl) -> None:
    whole = repl.command(FILE)
    for _ in range(2):
        check = plain.check(FILE)
        assert check.answer is not None
        assert [(m.severity, m.pos, m.data) for m in check.answer.messages] == [  # type: ignore[union-attr]
            (m.severity, m.pos, m.data)
            for m in whole.messages  # type: ignore[union-attr]
        ]
        assert [s.pos for s in check.answer.sorries] == [s.pos for s in whole.sorries]  # type: ignore[union-attr]
    assert plain.stats.prefix_hits >= 4


def test_a_text_that_ends_itself_is_sent_whole(plain: SyncPool) -> None:
    check = plain.check("theorem a : 1 = 1 := rfl\n#exit\ntheorem b : 1 = 2 := rfl\n")
    assert check.answer is not None
    assert not check.answer.has_errors  # type: ignore[union-attr]
