"""The agent's policies at work on a benchmark: one attempt at one problem, and the trust gate's word on what it brought.

All attempts share the Lean processes and the model's server. An attempt only proposes: whatever it claims
to have proved is judged against the benchmark's own statement.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stepprove.agent.file.options import Event as SearchEvent
from stepprove.agent.file.options import FileRefused, FileTooSlow, ProveOptions, Searched
from stepprove.agent.file.prove import prove_source
from stepprove.agent.models.model_attempts import style_of
from stepprove.agent.models.problem import Problem as Task
from stepprove.agent.models.refine import RefineOptions, run_refinement
from stepprove.agent.models.repair import Partial
from stepprove.agent.models.stepfun import Checked, Generated, options_for, run_trajectory
from stepprove.eval.model_handle import Served
from stepprove.eval.record import Attempt, Problem
from stepprove.eval.setup import Setup, attempt_seed
from stepprove.faults import fault_told
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.pool import Pool, PoolClosed, PoolFull, SyncPool
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import BudgetSpent
from stepprove.serving.client.client import Client, ModelFailure
from stepprove.visible import encodable, middle_cut

MOST_TRACE = 100_000
"""Characters of an attempt's trace that are kept."""
MOST_ERRORS, MOST_ERROR = 5, 1000
"""Errors of a candidate that are kept, and characters of each."""
JUDGE_SECONDS = 120.0
"""For each of the gate's calls."""
SEARCH_SHARE = 0.25
"""Of an attempt's time, that the search has before the model is asked (policy auto)."""


class Prover:
    """Makes attempts, and has the gate judge them.

    Args:
        setup: what to do.
        engine: the Lean.
        pool: processes of that Lean; whoever started them stops them.
        say: is told in a line what takes a while.
    """

    def __init__(
        self,
        setup: Setup,
        engine: Engine,
        pool: SyncPool,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.setup, self.engine = setup, engine
        self._pool = Pool.over(pool)
        self._served = None if setup.model is None else Served(setup.model, say)

    @property
    def prelude(self) -> str | None:
        """What stands for the imports of a statement written for Mathlib, where there is none."""
        return prelude_for(self.engine)

    # Attempts.

    async def attempt(self, problem: Problem, epoch: int) -> Attempt:
        """An attempt at a problem. What it calls proved is its claim; see `judge`. Only being cancelled is raised."""
        work = _Work(problem, epoch, self.setup.time_limit)
        try:
            task = Task.parse(problem.source, prelude=self.prelude)
        except ValueError as refused:
            work.end(Outcome.FAILED, f"the statement itself does not stand: {refused}")
            return work.attempt()
        try:
            await self._try(work, task)
        except (ReplFailure, ModelFailure, BudgetSpent, PoolFull, PoolClosed, OSError) as failure:
            work.end(Outcome.INFRASTRUCTURE, str(failure).rstrip("."))
        except FileTooSlow as slow:
            work.end(Outcome.TIMEOUT, f"the statement itself: {slow}")
        except (FileRefused, BrokenOriginal) as refused:
            work.end(Outcome.FAILED, f"the statement itself does not stand: {refused}")
        except Exception as fault:  # no verdict on the statement, and what was found until then is kept
            told = fault_told(fault, f"attempt {epoch} at {problem.name}")
            work.end(Outcome.INFRASTRUCTURE, told)
        return work.attempt()

    async def _try(self, work: _Work, task: Task) -> None:
        policy = self.setup.policy
        if policy in ("portfolio", "auto"):
            seconds = work.seconds if policy == "portfolio" else SEARCH_SHARE * work.seconds
            await self._pool.run(lambda repl: self._search(repl, work, task, seconds))
            if policy == "portfolio" or work.outcome in (Outcome.PROVED, Outcome.DISPROVED):
                return
        assert self._served is not None
        client = await self._served.client()
        try:
            async with asyncio.timeout(work.left):
                await self._ask(client, work, task)
        except TimeoutError:
            await client.reach()  # waiting for a server that is gone is no time-out of the attempt
            work.end(Outcome.TIMEOUT, f"no proof within {work.seconds:g} s")

    def _search(self, repl: Repl, work: _Work, task: Task, seconds: float) -> None:
        """The portfolio, on one Lean process."""
        work.start()

        def listen(event: SearchEvent) -> None:
            if isinstance(event, Searched):
                found = event.result
                work.interactions += found.steps
                said = f": {found.found_by}" if found.found_by else ""
                work.tell(f"search, {found.steps} steps in {found.seconds:.1f} s, {found.outcome}{said}")

        options = ProveOptions(
            time_limit=seconds,
            seed=work.seed(self.setup.seed),
            prelude=task.prelude,
            remember=False,
            standby=False,
        )
        report = prove_source(parse_source(task.text), self.engine, options, listen=listen, repl=repl)
        work.candidate = None
        unproved = [hole for hole in report.holes if hole.outcome is not Outcome.PROVED]
        if not unproved:
            work.candidate = report.text
            work.end(Outcome.PROVED, "; ".join(hole.found_by or "" for hole in report.holes))
            return
        worst = unproved[0]
        if worst.outcome is Outcome.DISPROVED:
            why = f"its negation is proved ({worst.counterexample or worst.found_by})"
            work.tell(f"proof of the negation:\n{worst.proof}")
            work.end(Outcome.DISPROVED, why)
        else:
            work.end(worst.outcome, worst.reason or "")

    async def _ask(self, client: Client, work: _Work, task: Task) -> None:
        """The model, as its style wants to be asked."""
        work.start()
        seed = work.seed(self.setup.seed)
        if (self.setup.style or style_of(await client.model())) == "tir":
            options = replace(options_for(await client.model()), seed=seed)
            trajectory = await run_trajectory(
                client, self._pool, task, options, listen=work.hear, judge=_not_yet
            )
            work.claim(task, trajectory.answer, f"{len(trajectory.sketches)} sketches")
            if trajectory.answer is None:
                work.end(
                    trajectory.outcome,
                    f"the text ended without an answer ({trajectory.end.value})",
                )
            return
        chat = RefineOptions(rounds=self.setup.rounds, seed=seed)
        refinement = await run_refinement(client, self._pool, self.engine, task, chat, listen=work.hear)
        if refinement.accepted:
            work.claim(task, refinement.answer, f"{refinement.rounds} answers")
            return
        work.candidate = None if refinement.answer is None else task.candidate(refinement.answer)
        judgement = refinement.judgement
        outcome = judgement.outcome if judgement else refinement.unanswered or Outcome.FAILED
        reason = judgement.reason if judgement else None
        work.end(outcome, reason or f"Lean accepts none of {refinement.rounds} answers")

    # The gate.

    async def judge(self, problem: Problem, attempt: Attempt) -> Attempt:
        """The attempt with the gate's word on its candidate against the benchmark's own statement."""
        if attempt.candidate is None:
            return attempt
        try:
            task = Task.parse(problem.source, prelude=self.prelude)
        except ValueError as refused:
            reason = f"the statement itself does not stand: {refused}"
            return attempt.model_copy(update={"outcome": Outcome.FAILED, "reason": reason})
        try:
            judgement = await task.judge(self._pool, attempt.candidate, timeout=JUDGE_SECONDS)
        except (ReplFailure, PoolFull, PoolClosed) as failure:
            judgement = Judgement(outcome=Outcome.INFRASTRUCTURE, reason=str(failure).rstrip("."))
        except BrokenOriginal as refused:
            reason = f"the statement itself does not stand: {refused}"
            judgement = Judgement(outcome=Outcome.FAILED, reason=reason)
        errors = [m.data[:MOST_ERROR] for m in judgement.messages if m.severity == "error"]
        reason = attempt.reason if judgement.accepted else judgement.reason or ""
        return attempt.model_copy(
            update={
                "outcome": judgement.outcome,
                "reason": reason.partition("\n")[0],
                "errors": tuple(errors[:MOST_ERRORS]),
            }
        )


async def _not_yet(answer: str) -> Judgement:
    """Stands for the gate while an attempt is made: the scorer asks it."""
    return Judgement(outcome=Outcome.FAILED, reason="not judged yet")


@dataclass(slots=True)
class _Work:
    """An attempt while it is made."""

    problem: Problem
    epoch: int
    seconds: float
    """That it may take."""
    outcome: Outcome = Outcome.FAILED
    reason: str = ""
    candidate: str | None = None
    interactions: int = 0
    tokens: int = 0
    told: list[str] = field(default_factory=list)
    started: float | None = None

    def start(self) -> None:
        """Begin to count time: what an attempt waits for a Lean process before its search is not its own."""
        if self.started is None:
            self.started = time.monotonic()

    @property
    def spent(self) -> float:
        return 0.0 if self.started is None else time.monotonic() - self.started

    @property
    def left(self) -> float:
        return max(0.1, self.seconds - self.spent)

    def seed(self, run: int) -> int:
        """The attempt's own."""
        return attempt_seed(run, self.problem.name, self.epoch)

    def tell(self, line: str) -> None:
        self.told.append(line)

    def hear(self, event: Generated | Checked | Judgement | Partial) -> None:
        """What a model's attempt tells as it goes."""
        match event:
            case Generated(text, usage, _, _):
                self.tokens += usage.completion_tokens
                self.tell(text)
            case Checked(_, feedback, _, _, _):
                self.interactions += 1
                self.tell(f"[Lean] {feedback}")

    def claim(self, task: Task, answer: str | None, how: str) -> None:
        """Say that an answer is a proof."""
        if answer is not None:
            self.candidate = task.candidate(answer)
            self.end(Outcome.PROVED, f"the model ({how})")

    def end(self, outcome: Outcome, reason: str) -> None:
        self.outcome, self.reason = outcome, reason.partition("\n")[0]

    def attempt(self) -> Attempt:
        """The attempt as it is kept."""
        trace = middle_cut("\n".join(self.told), MOST_TRACE)
        told = {
            "problem": self.problem.name,
            "epoch": self.epoch,
            "outcome": self.outcome,
            "reason": self.reason,
            "candidate": self.candidate,
            "interactions": self.interactions,
            "tokens": self.tokens,
            "seconds": round(self.spent, 3),
            "trace": trace or None,
        }
        return Attempt.model_validate(encodable(told))
