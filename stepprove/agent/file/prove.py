"""Fill the holes of a file: search each hole, assemble the proofs, and run the trust gate on the file.

There are three passes. The search, with a language model beside it if the options name one, works on each hole alone while the
others stay open, on as many Lean processes as there are jobs. The assembly puts the proofs into the file from the top, and
searches again where one no longer holds (a definition's hole may have been filled meanwhile). The gate judges the whole file;
it drops each rejected proof, and that hole stays `sorry`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from stepprove.agent.engines import Engines
from stepprove.agent.file.conclude import conclude
from stepprove.agent.file.hole_search import attempt_hole
from stepprove.agent.file.hole_target import FileRun, HoleTarget, ModelSide
from stepprove.agent.file.options import FileRefused, Finished, Listener, ProveOptions
from stepprove.agent.file.report import HoleResult, ProveReport
from stepprove.agent.file.worker import CHUNK_SECONDS, Worker, blank_result
from stepprove.agent.file.workers import Workers
from stepprove.agent.models.plan import ModelPlan, schedule_of
from stepprove.agent.models.tools import open_tools
from stepprove.agent.policies import run_policy
from stepprove.agent.stop import Stop
from stepprove.agent.trace.listener import trace_listener
from stepprove.agent.trace.trace import Trace
from stepprove.faults import fault_told
from stepprove.gather import gather_or_cancel
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Verdict
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import Hole, SourceFile
from stepprove.lean_project.source.names import components
from stepprove.on_first_use import OnFirstUse
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import Account

T = TypeVar("T")

HOLES_WITH_MODEL = 4
"""Holes that may wait for a model at any time, beside those that are searched."""


@dataclass(frozen=True, slots=True)
class LentPools:
    """Pools of the run's engine that others own; where there is none, the run starts its own."""

    search: SyncPool | None = None
    """Lends the engine that searches, one hole at a time."""
    checks: SyncPool | None = None
    """Runs the model's code."""


def prove_source(
    source: SourceFile,
    engine: Engine,
    options: ProveOptions = ProveOptions(),  # noqa: B008 - frozen
    *,
    listen: Listener = lambda _: None,
    stop: Stop | None = None,
    pools: LentPools = LentPools(),
    model: ModelPlan | None = None,
    trace: Trace | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ProveReport:
    """Fill the holes of a source text; `prove_file` for plain code.

    Args:
        source: the file.
        engine: the Lean.
        options: how to search.
        listen: receives the events of the run, from any thread.
        stop: ends the search when set; the proofs found so far are still assembled and gated.
        pools: pools to use.
        model: a model to run beside the search, and how.
        trace: receives a record of every event.
        say: receives a line before slow work.

    Returns:
        The report, with the text and the result of each hole.

    Raises:
        FileRefused: the text cannot be worked on.
        ReplFailure: Lean cannot be run at all.
    """
    work = prove_file(
        source, engine, options, listen=listen, stop=stop, pools=pools, model=model, trace=trace, say=say
    )
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:  # the caller's own event loop, a notebook's for instance, waits
        return thread.submit(asyncio.run, work).result()


async def prove_file(
    source: SourceFile,
    engine: Engine,
    options: ProveOptions,
    *,
    listen: Listener,
    stop: Stop | None,
    pools: LentPools,
    model: ModelPlan | None,
    trace: Trace | None,
    say: Callable[[str], None],
) -> ProveReport:
    """Fill the holes of a source text; see `prove_source`."""
    started = time.monotonic()
    trace = trace or Trace()
    listen = trace_listener(trace, source, listen)
    wanted = _select(source, options.theorems)
    account = Account() if model is None else Account(model.budget, model.prices)
    async with AsyncExitStack() as stack:
        opening = _model_side(model, engine, account, pools.checks, max(2, options.jobs), say)
        side = await stack.enter_async_context(opening)
        run = FileRun(Workers(source, engine, options), options, listen, trace, stop or Stop(), side)
        count = 1 if pools.search is not None else max(1, min(options.jobs, len(source.holes)))
        engines = await stack.enter_async_context(_engines(engine, pools.search, count))
        await _on_an_engine(engines, run.workers.check_original)
        found = await _search_all(run, engines, wanted, count)
        text, results, verdicts = await _on_an_engine(
            engines, lambda repl: conclude(run.workers.on(repl), found, listen, run.stop)
        )
    for result in results:
        trace.record("result", hole=result.index, **result.model_dump(mode="json", exclude={"index"}))
    return ProveReport(
        holes=tuple(results),
        verdicts=verdicts,
        text=text,
        seconds=time.monotonic() - started,
        usage=account.usage,
        dollars=account.dollars,
    )


def search_file(
    repl: Repl,
    source: SourceFile,
    engine: Engine,
    options: ProveOptions,
    *,
    listen: Listener = lambda _: None,
    stop: Event | None = None,
) -> ProveReport:
    """Fill the holes of a source text by the search alone, one after the other, on one Lean process.

    Args:
        repl: the process, of `engine`.
        source: the file.
        engine: the Lean.
        options: how to search.
        listen: receives the events of the searches.
        stop: ends the search when set; nothing is then assembled.

    Raises:
        FileRefused: the text cannot be worked on.
        ReplFailure: Lean cannot be run at all.
    """
    started = time.monotonic()
    stop = stop or Event()
    worker = Worker(source, engine, options, repl)
    worker.check_original()
    results = [
        attempt_hole(worker, hole, worker.chunks, options.time_limit, listen, stop)
        for hole in _select(source, options.theorems)
    ]
    if stop.is_set():
        text, verdicts = source.text, tuple[Verdict, ...]()
    else:
        text, results, verdicts = conclude(worker, results, listen, stop)
    seconds = time.monotonic() - started
    return ProveReport(holes=tuple(results), verdicts=verdicts, text=text, seconds=seconds)


def _select(source: SourceFile, theorems: Sequence[str]) -> list[Hole]:
    """Return the holes to work on; raise FileRefused for a name that the file does not have."""
    if not theorems:
        return list(source.holes)
    indices: set[int] = set()
    for name in theorems:
        wanted = components(name)
        same = [
            d
            for d in source.declarations
            if d.full_name is not None and wanted and components(d.full_name)[-len(wanted) :] == wanted
        ]
        if not same:
            names = ", ".join(d.full_name or "" for d in source.declarations if d.full_name and d.holes)
            raise FileRefused(
                f"there is no declaration `{name}`" + (f"; with a hole there are: {names}" if names else "")
            )
        indices.update(i for d in same for i in d.holes)
    return [hole for hole in source.holes if hole.index in indices]


async def _search_all(run: FileRun, engines: Engines, holes: Sequence[Hole], count: int) -> list[HoleResult]:
    """Run the policy on each hole; the result of a hole does not end the others."""
    schedule = schedule_of(None if run.model is None else run.model.plan)
    # A hole that waits for the model needs no engine, so the search continues with the next holes.
    places = asyncio.Semaphore(count + (0 if run.model is None else HOLES_WITH_MODEL))

    async def searched(hole: Hole) -> HoleResult:
        target = HoleTarget(run, hole)
        try:
            result = await run_policy(schedule, run.options.time_limit, target, engines, run.stop)
        except Exception as fault:  # this hole's outcome only
            reason = fault_told(fault, f"the hole at line {hole.line}")
            update = {"outcome": Outcome.INFRASTRUCTURE, "reason": reason}
            result = blank_result(run.source, hole).model_copy(update=update)
        seconds = round(time.monotonic() - target.started, 3)
        result = result.model_copy(update={"seconds": seconds})
        run.listen(Finished(result))
        return result

    async def in_turn(hole: Hole) -> HoleResult:
        async with places:
            return await searched(hole)

    return await gather_or_cancel(in_turn(hole) for hole in holes)


@asynccontextmanager
async def _model_side(
    plan: ModelPlan | None,
    engine: Engine,
    account: Account,
    pool: SyncPool | None,
    size: int,
    say: Callable[[str], None],
) -> AsyncIterator[ModelSide | None]:
    """The model of a run, started by the first hole that asks it; None without one.

    Its new pool has two processes at least: a runaway sketch may occupy one while the other checks answers.
    """
    if plan is None:
        yield None
        return
    tools = OnFirstUse(
        lambda: open_tools(
            plan.name, engine, account=account, retries=plan.retries, pool=pool, size=size, say=say
        )
    )
    async with tools:
        yield ModelSide(plan, tools)


@asynccontextmanager
async def _engines(engine: Engine, lent: SyncPool | None, count: int) -> AsyncIterator[Engines]:
    """The engines that search: a lent pool's, or those of a pool that the run starts and ends."""
    if lent is not None:
        yield Engines(Pool.over(lent), count, keep=False)
        return
    async with Pool(engine, size=count, timeout=CHUNK_SECONDS, standby=0) as pool:
        engines = Engines(pool, count, keep=True)
        try:
            yield engines
        finally:
            engines.close()


async def _on_an_engine(engines: Engines, work: Callable[[Repl], T]) -> T:
    """Do a piece of work on one of the engines."""
    seat = await engines.borrow()
    try:
        return await seat.run(work, Event())
    finally:
        seat.end()
