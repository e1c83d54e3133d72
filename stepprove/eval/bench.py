"""The shared state of inspect's solver and scorer in a run: the attempt maker and the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stepprove.eval.records.journal import Journal
from stepprove.eval.records.record import Attempt, BenchmarkProblem
from stepprove.faults import fault_told
from stepprove.outcome import Outcome


class AttemptMaker(Protocol):
    """Makes attempts and judges them: `prover.Prover`, `formalizer.Formalizer` or `external_samples.Replay`."""

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """Make an attempt; its outcome is only a claim."""

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """Return the attempt with the gate's verdict."""


class Bench:
    """The problems of a run by name, and their attempts."""

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
        """Make an attempt, or take it from the journal."""
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
        """Return the attempt with the gate's verdict, after it is on disk."""
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
