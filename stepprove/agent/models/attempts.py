"""A model's attempts at one problem, in parallel, until the gate accepts an answer.

The one place that picks a model's style, seeds its attempts, keeps their limits and maps their ends to outcomes. The caller says
how an answer is judged (in the hole of a file, or as a whole text) and observes the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.refine import RefineEvent, run_refinement
from stepprove.agent.models.tools import ModelTools
from stepprove.agent.models.trajectory import TirOptions, Trajectory, run_trajectory
from stepprove.agent.policies import FAILURES
from stepprove.faults import fault_told
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.pool import PoolClosed, PoolFull
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import BudgetSpent
from stepprove.serving.client.client import Client, ModelFailure
from stepprove.serving.client.exchange import Completer
from stepprove.serving.client.model_traits import Style, traits_of


@dataclass(frozen=True, slots=True)
class Stopped:
    """An attempt ended without a verdict."""

    reason: str


AttemptEvent = RefineEvent | Stopped
AttemptListener = Callable[[AttemptEvent], None]
Observer = Callable[[int, Style, int], AttemptListener]
"""Makes the listener of an attempt from its number, style and seed."""
Judge = Callable[[str], Awaitable[Judgement]]
"""Runs the gate on an answer."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt, or of several."""

    outcome: Outcome
    reason: str = ""
    """The reason for a failure, without a full stop."""
    answer: str | None = None
    """The Lean code that was checked or judged last."""
    way: str = ""
    """How the model came to it: `2 sketches`, `3 answers`."""
    judgement: Judgement | None = None
    """The gate's judgement on the answer, if it made one."""
    trajectory: Trajectory | None = None
    """The whole text of an attempt by tool-integrated reasoning."""


async def run_attempts(
    tools: ModelTools,
    plan: ModelPlan,
    problem: Problem,
    seconds: float,
    seed: int,
    *,
    judge: Judge,
    observe: Observer = lambda number, style, seed: lambda event: None,
) -> AttemptResult:
    """Run a plan's attempts in parallel; the first accepted answer ends the others.

    Args:
        tools: the model and Lean.
        plan: number of attempts, style, options.
        problem: the theorem to prove.
        seconds: the time limit.
        seed: of the first attempt; each further one has the next number.
        judge: runs the gate on an answer.
        observe: makes each attempt's listener.

    Returns:
        The accepted answer, or the merged failures; a failure of a model or of Lean is an outcome.
    """
    results: list[AttemptResult] = []
    attempts: set[asyncio.Task[AttemptResult]] = set()

    async def first_accepted() -> AttemptResult:
        style = plan.style or traits_of(await tools.client.model()).style
        for n in range(plan.attempts):
            listen = observe(n, style, seed + n)
            work = run_attempt(tools, plan, problem, style, seed + n, judge, listen)
            attempts.add(asyncio.create_task(work))
        for attempt in asyncio.as_completed(attempts):
            result = await attempt
            if result.outcome is Outcome.PROVED:
                return result
            results.append(result)
        return merge_failures(results)

    try:
        async with asyncio.timeout(seconds):
            return await mapped(first_accepted(), f"the model at {problem.name}")
    except TimeoutError:
        return merge_failures([*results, await _late(tools.client, seconds)])
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


async def run_attempt(
    tools: ModelTools,
    plan: ModelPlan,
    problem: Problem,
    style: Style,
    seed: int,
    judge: Judge,
    listen: AttemptListener,
) -> AttemptResult:
    """Run one attempt in a style; every failure but a cancellation is its outcome.

    Args:
        tools: the model and Lean.
        plan: the options.
        problem: the theorem to prove.
        style: of the prompts.
        seed: of the samples.
        judge: runs the gate on an answer.
        listen: receives the events.
    """
    if style == "tir":
        options = replace(plan.tir or TirOptions.of(await tools.client.model()), seed=seed)
        work = attempt_trajectory(tools.client, tools.pool, problem, options, judge=judge, listen=listen)
    else:
        work = _refinement(tools, plan, problem, seed, judge, listen)
    try:
        result = await mapped(work, f"an attempt at {problem.name}")
    except asyncio.CancelledError:
        listen(Stopped("cancelled"))
        raise
    if result.judgement is None:
        listen(Stopped(result.reason))
    return result


async def mapped(work: Coroutine[Any, Any, AttemptResult], where: str) -> AttemptResult:
    """Run an attempt; every failure but a cancellation is its outcome.

    Args:
        work: the attempt.
        where: names it in the log, if an error of ours ends it.
    """
    try:
        return await work
    except (ModelFailure, BudgetSpent, PoolFull, PoolClosed, ReplFailure, OSError) as failure:
        return AttemptResult(Outcome.INFRASTRUCTURE, sentence(failure))
    except BrokenOriginal as refused:
        return AttemptResult(Outcome.FAILED, f"the statement itself does not stand: {refused}")
    except Exception as fault:  # an error of ours at one attempt must not cost the others
        return AttemptResult(Outcome.INFRASTRUCTURE, fault_told(fault, where))


async def attempt_trajectory(
    client: Completer,
    pool: Lean,
    problem: Problem,
    options: TirOptions,
    *,
    judge: Judge | None = None,
    listen: AttemptListener = lambda event: None,
) -> AttemptResult:
    """Make one attempt by tool-integrated reasoning; see `run_trajectory`."""
    trajectory = await run_trajectory(client, pool, problem, options, listen=listen, judge=judge)
    why = f"the model's text ended without an answer ({trajectory.end.value})"
    if trajectory.judgement is None and trajectory.outcome is not Outcome.FAILED:
        why = _undecided("sketches")
    sketches = _count(len(trajectory.sketches), "sketch", "sketches")
    result = _result(trajectory.outcome, why, trajectory.answer, sketches, trajectory.judgement)
    return replace(result, trajectory=trajectory)


async def _refinement(
    tools: ModelTools, plan: ModelPlan, problem: Problem, seed: int, judge: Judge, listen: AttemptListener
) -> AttemptResult:
    """Run one chat."""
    options = replace(plan.chat, seed=seed, rounds=plan.rounds)
    done = await run_refinement(tools, problem, options, listen=listen, judge=judge)
    answers = _count(done.rounds, "answer", "answers")
    way = answers + (", completed by the search" if done.mended else "")
    if done.judgement is None and done.unanswered is not None:
        return _result(done.unanswered, _undecided(answers), done.answer, way, None)
    outcome = Outcome.FAILED if done.judgement is None else done.judgement.outcome
    return _result(outcome, f"Lean accepts none of the model's {answers}", done.answer, way, done.judgement)


def _result(
    outcome: Outcome, why: str, answer: str | None, way: str, judgement: Judgement | None
) -> AttemptResult:
    """Return a result; the gate's reason precedes ours."""
    reason = (judgement.reason if judgement is not None else None) or why
    return AttemptResult(outcome, reason, answer, way, judgement)


def _undecided(left_open: str) -> str:
    return f"Lean could not tell of all of the model's {left_open}"


async def _late(client: Client, seconds: float) -> AttemptResult:
    """Return the result of attempts whose time is up: a wait for a lost server is no time-out of theirs."""
    try:
        await client.reach()
    except ModelFailure as failure:
        return AttemptResult(Outcome.INFRASTRUCTURE, sentence(failure))
    return AttemptResult(Outcome.TIMEOUT, f"no proof within {seconds:g} s")


def merge_failures(results: Sequence[AttemptResult]) -> AttemptResult:
    """Merge failed attempts: infrastructure > timeout > rejected > failed."""
    if not results:
        return AttemptResult(Outcome.FAILED, "there was none")
    worst = min((result.outcome for result in results), key=FAILURES.index)
    same = [result for result in results if result.outcome is worst]
    if worst is not Outcome.FAILED or len(results) == 1:
        return same[0]
    last = same[-1]
    return replace(last, reason=f"none of {len(results)} attempts was accepted; the last: {last.reason}")


def sentence(failure: Exception) -> str:
    """Return a failure's sentence without its full stop."""
    return str(failure).rstrip(".")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
