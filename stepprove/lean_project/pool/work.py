"""The work of each kind of job, in the thread of its engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.inspection.facts import Facts
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.requests import CheckRequest, VerifyRequest
from stepprove.lean_project.pool.results import Check, Ending
from stepprove.lean_project.pool.slot import Job, Slot, elaborate, read_facts
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplCrashed, ReplEnded, ReplMemory, ReplTimeout
from stepprove.outcome import Outcome

__all__ = ["check_job", "lend_job", "verify_job"]

T = TypeVar("T")


def check_job(request: CheckRequest, seconds: float, retries: int) -> Job[Check]:
    """The job of a `CheckRequest`.

    Args:
        request: the text and what to return.
        seconds: the time limit of each engine call.
        retries: how often the pool retries it if Lean dies.
    """

    def work(slot: Slot) -> Check:
        started = time.monotonic()
        answer: CommandResponse | ErrorResponse | None = None
        outcome: Ending = "answered"
        reason: str | None = None
        facts: Facts | None = None
        try:
            answer = elaborate(slot, request, seconds)
            if request.facts and slot.repl.supports_inspect and isinstance(answer, CommandResponse):
                facts = read_facts(slot, request, answer, seconds)
        except ReplTimeout as late:
            outcome, reason = "timeout", str(late)
        except ReplEnded as ended:
            outcome, reason = "ended", str(ended)
        except ReplMemory as big:
            outcome, reason, job.too_big = "memory", str(big), True
        took = time.monotonic() - started
        return Check(outcome, answer, reason, took, started - job.arrived, slot.number, facts)

    def lost(reason: str, took: float, waited: float, engine: int) -> Check:
        return Check("crashed", None, reason, took, waited, engine)

    job: Job[Check] = Job(work, (request.header or "") + request.code, request.priority, lost, retries)
    return job


def verify_job(request: VerifyRequest, seconds: float, retries: int) -> Job[Judgement]:
    """The job of a `VerifyRequest`; the arguments are those of `check_job`."""

    def work(slot: Slot) -> Judgement:
        original, candidate = request.sources()
        header = original.header if request.prelude is None else request.prelude
        known = request.prelude is not None or original.imports
        env = slot.environment(header, seconds) if known else None
        crashes, generation = slot.repl.stats.crashes, slot.repl.generation
        judgement = verify(
            slot.repl,
            original,
            candidate,
            policy=request.policy,
            targets=request.targets,
            env=env,
            timeout=seconds,
        )
        if judgement.outcome is Outcome.INFRASTRUCTURE:
            if slot.repl.stats.crashes > crashes:
                raise ReplCrashed(judgement.reason or "Lean died", None, "")
            job.too_big = slot.repl.generation > generation
        return judgement

    def lost(reason: str, took: float, waited: float, engine: int) -> Judgement:
        return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=reason)

    job: Job[Judgement] = Job(work, request.texts()[0], request.priority, lost, retries)
    return job


def lend_job(work: Callable[[Repl], T], priority: int) -> Job[T]:
    """The job that lends one whole `Repl` to `work`; the pool does not retry it."""
    return Job(lambda slot: work(slot.repl), "", priority, None)
