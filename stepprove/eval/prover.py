"""Evaluate a prover: one attempt of an agent's policy at each problem, judged by the trust gate.

All attempts share the Lean processes and the model's server. An attempt only claims a proof; the gate judges the claim
against the benchmark's own statement.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stepprove.agent.file.options import FileRefused, FileTooSlow, ProveOptions, Searched
from stepprove.agent.file.options import ProveEvent as SearchEvent
from stepprove.agent.file.prove import prove_source
from stepprove.agent.models.model_attempts import style_of
from stepprove.agent.models.problem import Problem as Task
from stepprove.agent.models.refine import RefineOptions, run_refinement
from stepprove.agent.models.repair import Partial
from stepprove.agent.models.stepfun import Checked, Generated, options_for, run_trajectory
from stepprove.eval.model_handle import ModelHandle
from stepprove.eval.records.record import Attempt, BenchmarkProblem
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
"""Characters of an attempt's trace in the log."""
MOST_ERRORS, MOST_ERROR = 5, 1000
"""Errors of a candidate in the log, and characters of each."""
JUDGE_SECONDS = 120.0
"""Seconds for each of the gate's calls."""
SEARCH_SHARE = 0.25
"""The search's share of an attempt's time before the model starts (policy auto)."""


class Prover:
    """Makes attempts, and has the gate judge them.

    Args:
        setup: the policy and its budget.
        engine: the Lean.
        pool: processes of that Lean; their owner stops them.
        say: receives a line before slow work.
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
        self._served = None if setup.model is None else ModelHandle(setup.model, say)

    @property
    def prelude(self) -> str | None:
        """The text in place of a statement's imports on a Lean without Mathlib."""
        return prelude_for(self.engine)

    # Attempts.

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """Make an attempt at a problem; `judge` decides its claim. Every failure but a cancellation is its outcome."""
        work = _AttemptInProgress(problem, epoch, self.setup.time_limit)
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
        except Exception as fault:  # no verdict on the statement; the progress so far is kept
            reason = fault_told(fault, f"attempt {epoch} at {problem.name}")
            work.end(Outcome.INFRASTRUCTURE, reason)
        return work.attempt()

    async def _try(self, work: _AttemptInProgress, task: Task) -> None:
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
            await client.reach()  # a wait for a lost server is no time-out of the attempt
            work.end(Outcome.TIMEOUT, f"no proof within {work.seconds:g} s")

    def _search(self, repl: Repl, work: _AttemptInProgress, task: Task, seconds: float) -> None:
        """Run the portfolio on one Lean process."""
        work.start()

        def listen(event: SearchEvent) -> None:
            if isinstance(event, Searched):
                result = event.result
                work.interactions += result.steps
                finder = f": {result.found_by}" if result.found_by else ""
                work.tell(f"search, {result.steps} steps in {result.seconds:.1f} s, {result.outcome}{finder}")

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

    async def _ask(self, client: Client, work: _AttemptInProgress, task: Task) -> None:
        """Run the model in its style."""
        work.start()
        seed = work.seed(self.setup.seed)
        if (self.setup.style or style_of(await client.model())) == "tir":
            options = replace(options_for(await client.model()), seed=seed)
            trajectory = await run_trajectory(
                client, self._pool, task, options, listen=work.record_event, judge=_not_yet
            )
            work.claim(task, trajectory.answer, f"{len(trajectory.sketches)} sketches")
            if trajectory.answer is None:
                work.end(
                    trajectory.outcome,
                    f"the text ended without an answer ({trajectory.end.value})",
                )
            return
        chat = RefineOptions(rounds=self.setup.rounds, seed=seed)
        refinement = await run_refinement(
            client, self._pool, self.engine, task, chat, listen=work.record_event
        )
        if refinement.accepted:
            work.claim(task, refinement.answer, f"{refinement.rounds} answers")
            return
        work.candidate = None if refinement.answer is None else task.candidate(refinement.answer)
        judgement = refinement.judgement
        outcome = judgement.outcome if judgement else refinement.unanswered or Outcome.FAILED
        reason = judgement.reason if judgement else None
        work.end(outcome, reason or f"Lean accepts none of {refinement.rounds} answers")

    # The gate.

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """Return the attempt with the gate's verdict on its candidate against the benchmark's own statement."""
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
    """Stands for the gate during an attempt; the scorer runs the gate."""
    return Judgement(outcome=Outcome.FAILED, reason="not judged yet")


@dataclass(slots=True)
class _AttemptInProgress:
    """An attempt in progress."""

    problem: BenchmarkProblem
    epoch: int
    seconds: float
    """Its time limit."""
    outcome: Outcome = Outcome.FAILED
    reason: str = ""
    candidate: str | None = None
    interactions: int = 0
    tokens: int = 0
    told: list[str] = field(default_factory=list)
    started: float | None = None

    def start(self) -> None:
        """Start the clock: the wait for a Lean process does not count."""
        if self.started is None:
            self.started = time.monotonic()

    @property
    def spent(self) -> float:
        return 0.0 if self.started is None else time.monotonic() - self.started

    @property
    def left(self) -> float:
        return max(0.1, self.seconds - self.spent)

    def seed(self, run: int) -> int:
        """Return the attempt's own seed."""
        return attempt_seed(run, self.problem.name, self.epoch)

    def tell(self, line: str) -> None:
        self.told.append(line)

    def record_event(self, event: Generated | Checked | Judgement | Partial) -> None:
        """Record an event of a model's attempt."""
        match event:
            case Generated(text, usage, _, _):
                self.tokens += usage.completion_tokens
                self.tell(text)
            case Checked(_, feedback, _, _, _):
                self.interactions += 1
                self.tell(f"[Lean] {feedback}")

    def claim(self, task: Task, answer: str | None, how: str) -> None:
        """Claim that an answer is a proof."""
        if answer is not None:
            self.candidate = task.candidate(answer)
            self.end(Outcome.PROVED, f"the model ({how})")

    def end(self, outcome: Outcome, reason: str) -> None:
        self.outcome, self.reason = outcome, reason.partition("\n")[0]

    def attempt(self) -> Attempt:
        """Return the attempt for the log."""
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
