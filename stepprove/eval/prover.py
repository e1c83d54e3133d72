"""Evaluate a prover: one attempt of an agent's policy at each problem, judged by the trust gate.

All attempts share the Lean processes and the model's server. The policy is the one that `prove` runs (`agent/policies.py`); only
an answer's place differs: a model's whole text is judged against the benchmark's own statement. The gate judges a candidate
once: in the attempt where the policy needs the verdict, else in the scorer.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from stepprove.agent.engines import Engines
from stepprove.agent.file.options import FileRefused, FileTooSlow
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.problem import Problem
from stepprove.agent.policies import SCHEDULES, run_policy
from stepprove.eval.model_handle import ModelHandle
from stepprove.eval.records.record import Attempt, BenchmarkProblem
from stepprove.eval.setup import Setup, attempt_seed
from stepprove.eval.statement_target import (
    JUDGE_SECONDS,
    AttemptProgress,
    Claim,
    Equipment,
    StatementTarget,
    errors_of_candidate,
)
from stepprove.faults import fault_told
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.pool import Pool, PoolClosed, PoolFull, SyncPool
from stepprove.lean_project.repl.repl import ReplFailure
from stepprove.lean_project.source.prelude import prelude_for
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import BudgetSpent
from stepprove.serving.client.client import ModelFailure
from stepprove.visible import encodable, middle_cut

MOST_TRACE = 100_000
"""Characters of an attempt's trace in the log."""


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
        policy = setup.policy
        self._schedule = SCHEDULES[policy] if policy in ("portfolio", "model", "auto") else None
        self._equipment = Equipment(
            engine,
            self._pool,
            plan_of(setup),
            None if setup.model is None else ModelHandle(setup.model, say),
        )
        # Beside a model the searches leave half of the engines to the model's code, as `prove` has engines for it.
        engines = pool.stats.engines
        self._engines = Engines(
            self._pool, engines if setup.model is None else max(1, engines // 2), keep=False
        )

    @property
    def prelude(self) -> str | None:
        """The text in place of a statement's imports on a Lean without Mathlib."""
        return prelude_for(self.engine)

    # Attempts.

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """Make an attempt at a problem; every failure but a cancellation is its outcome. `judge` gates what is not gated yet."""
        progress = AttemptProgress()
        try:
            claim = await self._claim(problem, epoch, progress)
        except (ReplFailure, ModelFailure, BudgetSpent, PoolFull, PoolClosed, OSError) as failure:
            claim = Claim(Outcome.INFRASTRUCTURE, str(failure).rstrip("."))
        except FileTooSlow as slow:
            claim = Claim(Outcome.TIMEOUT, f"the statement itself: {slow}")
        except (FileRefused, BrokenOriginal) as refused:
            claim = Claim(Outcome.FAILED, f"the statement itself does not stand: {refused}")
        except Exception as fault:  # no verdict on the statement; the progress so far is kept
            claim = Claim(Outcome.INFRASTRUCTURE, fault_told(fault, f"attempt {epoch} at {problem.name}"))
        return _attempt(problem, epoch, claim, progress)

    async def _claim(self, problem: BenchmarkProblem, epoch: int, progress: AttemptProgress) -> Claim:
        """Run the policy on a problem."""
        try:
            task = Problem.parse(problem.source, prelude=self.prelude)
        except ValueError as refused:
            return Claim(Outcome.FAILED, f"the statement itself does not stand: {refused}")
        schedule = self._schedule
        assert schedule is not None
        seed = attempt_seed(self.setup.seed, problem.name, epoch)
        target = StatementTarget(self._equipment, task, seed, progress)
        engines = self._engines if schedule.searches else None
        return await run_policy(schedule, self.setup.time_limit, target, engines, Event())

    # The gate.

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """Return the attempt with the gate's verdict on its candidate against the benchmark's own statement."""
        if attempt.candidate is None or attempt.gated:
            return attempt
        try:
            task = Problem.parse(problem.source, prelude=self.prelude)
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
        reason = attempt.reason if judgement.accepted else judgement.reason or ""
        return attempt.model_copy(
            update={
                "outcome": judgement.outcome,
                "reason": reason.partition("\n")[0],
                "errors": errors_of_candidate(judgement),
            }
        )


def plan_of(setup: Setup) -> ModelPlan | None:
    """Return the plan for a setup's model: one attempt, for each epoch is an attempt of its own."""
    if setup.model is None or setup.policy not in ("model", "auto"):
        return None
    return ModelPlan(
        name=setup.model, policy=setup.policy, style=setup.style, attempts=1, rounds=setup.rounds
    )


def _attempt(problem: BenchmarkProblem, epoch: int, claim: Claim, progress: AttemptProgress) -> Attempt:
    """Return the attempt for the log."""
    record = {
        "problem": problem.name,
        "epoch": epoch,
        "outcome": claim.outcome,
        "reason": claim.reason.partition("\n")[0],
        "candidate": claim.candidate,
        "gated": claim.gated,
        "errors": claim.errors,
        "interactions": progress.interactions,
        "tokens": progress.tokens,
        "seconds": round(progress.seconds, 3),
        "trace": middle_cut("\n".join(progress.told), MOST_TRACE) or None,
    }
    return Attempt.model_validate(encodable(record))
