"""What inspect's solver and scorer of a run share: who makes the attempts, and where they are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stepprove.eval.journal import Journal
from stepprove.eval.record import Attempt, BenchmarkProblem
from stepprove.faults import fault_told
from stepprove.outcome import Outcome


class AttemptMaker(Protocol):
    """Makes attempts and has them judged: `prover.Prover`, or `outside.Replay`."""

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """An attempt, as its maker sees it."""

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """The attempt with the gate's word on it."""


class Bench:
    """The problems of a run by name, and what is done of them."""

    def __init__(
        self,
        worker: AttemptMaker,
        problems: tuple[BenchmarkProblem, ...],
        journal: Journal | None = None,
        listen: Callable[[Attempt], None] = lambda attempt: None,
    ) -> None:
        self.worker, self.journal, self.listen = worker, journal, listen
        self.problems = {problem.name: problem for problem in problems}

    async def attempt(self, name: str, epoch: int) -> Attempt:
        """An attempt, made now or taken from the journal."""
        if (done := self._done(name, epoch)) is not None:
            return done
        before = 0 if self.journal is None else self.journal.tries(name, epoch)
        try:
            made = await self.worker.attempt(self.problems[name], epoch)
        except Exception as fault:
            reason = fault_told(fault, f"attempt {epoch} at {name}")
            made = Attempt(problem=name, epoch=epoch, outcome=Outcome.INFRASTRUCTURE, reason=reason)
        return made.model_copy(update={"tries": before + 1}) if before else made

    async def judge(self, attempt: Attempt) -> Attempt:
        """The attempt with the gate's word; it is on disk before it is told."""
        done = self._done(attempt.problem, attempt.epoch)
        if done is not None:
            return done
        try:
            judged = await self.worker.judge(self.problems[attempt.problem], attempt)
        except Exception as fault:
            reason = fault_told(fault, f"the judgement on attempt {attempt.epoch} at {attempt.problem}")
            judged = attempt.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": reason})
        if self.journal is not None:
            self.journal.keep(judged)
        self.listen(judged)
        return judged

    def _done(self, name: str, epoch: int) -> Attempt | None:
        return None if self.journal is None else self.journal.recall(name, epoch)
