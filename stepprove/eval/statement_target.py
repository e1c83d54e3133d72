"""A benchmark's statement as the target of a policy: the search fills it, a model answers with the whole text."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from stepprove.agent.file.options import ProveEvent, ProveOptions, Searched
from stepprove.agent.file.prove import search_file
from stepprove.agent.file.report import ProveReport
from stepprove.agent.models.attempts import AttemptEvent, AttemptResult, run_attempts, sentence
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.tools import ModelTools
from stepprove.agent.models.trajectory import Checked, Generated
from stepprove.agent.policies import FAILURES
from stepprove.eval.model_handle import ModelHandle
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome
from stepprove.serving.client.client import ModelFailure
from stepprove.serving.client.model_traits import Style

JUDGE_SECONDS = 120.0
"""Seconds for each of the gate's calls."""
MOST_ERRORS, MOST_ERROR = 5, 1000
"""Errors of a candidate in the log, and characters of each."""
_CLAIMED = Judgement(outcome=Outcome.PROVED, reason="claimed")
"""Stands for the gate where nothing in the attempt waits for its verdict; the scorer runs the gate, out of the attempt's time."""
_DECIDED = (Outcome.PROVED, Outcome.REJECTED, Outcome.FAILED)
"""The gate's verdicts; its time-outs are none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The end of an attempt at a statement."""

    outcome: Outcome
    reason: str
    candidate: str | None = None
    """The whole Lean text that was judged last."""
    gated: bool = False
    """The gate has given its verdict on the candidate."""
    errors: tuple[str, ...] = ()
    """Lean's errors in the candidate, as the gate saw them."""


@dataclass(slots=True)
class AttemptProgress:
    """What an attempt has spent and told so far; kept if it fails."""

    interactions: int = 0
    tokens: int = 0
    told: list[str] = field(default_factory=list)
    started: float | None = None

    def start(self) -> None:
        """Start the clock: the wait for an engine does not count."""
        if self.started is None:
            self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return 0.0 if self.started is None else time.monotonic() - self.started


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all attempts of a run share."""

    engine: Engine
    pool: Pool
    """Runs the models' code and the gate."""
    plan: ModelPlan | None
    model: ModelHandle | None


class StatementTarget:
    """One attempt at a statement.

    Args:
        equipment: the run's.
        problem: the statement.
        seed: of the attempt.
        progress: is kept up to date.
    """

    def __init__(self, equipment: Equipment, problem: Problem, seed: int, progress: AttemptProgress) -> None:
        self.equipment, self.problem, self.seed, self.progress = equipment, problem, seed, progress
        self._style: Style | None = None

    def open(self, repl: Repl, stop: Event) -> Claim | None:
        """Start the clock; every statement needs its policy."""
        self.progress.start()
        return None

    def search(self, repl: Repl, seconds: float, stop: Event) -> Claim:
        """Run the portfolio on one Lean process."""
        options = ProveOptions(
            time_limit=seconds,
            seed=self.seed,
            prelude=self.problem.prelude,
            remember=False,
            standby=False,
        )
        source = parse_source(self.problem.text)
        report = search_file(
            repl, source, self.equipment.engine, options, listen=self._note_search, stop=stop
        )
        return self._claim_of_search(report)

    async def ask(self, seconds: float) -> Claim | None:
        """Run the model's attempt."""
        plan, model = self.equipment.plan, self.equipment.model
        assert plan is not None and model is not None
        try:
            client = await model.client()
        except (ModelFailure, OSError) as failure:  # the search may still prove it
            return Claim(Outcome.INFRASTRUCTURE, sentence(failure))
        tools = ModelTools(client, self.equipment.pool, self.equipment.engine)
        self.progress.start()
        result = await run_attempts(
            tools, plan, self.problem, seconds, self.seed, judge=self._judge, observe=self._observe
        )
        return self._claim_of_model(result)

    def merge(self, model: Claim | None, search: Claim | None) -> Claim:
        """Merge two failures: infrastructure > timeout > rejected > failed; the model's candidate stays."""
        assert model is not None  # nothing stops an evaluation's model but its cancellation
        if search is None:
            return model
        outcome = min(model.outcome, search.outcome, key=FAILURES.index)
        reason = f"the model: {model.reason}; the search: {search.reason}"
        decided = model.gated or model.outcome is Outcome.FAILED
        return Claim(outcome, reason, model.candidate, decided, model.errors)

    async def _judge(self, answer: str) -> Judgement:
        """Run the gate on a model's answer against the statement, if a search or the rest of a chat waits for the verdict."""
        plan = self.equipment.plan
        if plan is not None and plan.policy == "model" and self._style == "tir":
            return _CLAIMED
        return await self.problem.judge(self.equipment.pool, answer, timeout=JUDGE_SECONDS)

    def _claim_of_search(self, report: ProveReport) -> Claim:
        unproved = [hole for hole in report.holes if hole.outcome is not Outcome.PROVED]
        if not unproved:
            finders = "; ".join(hole.found_by or "" for hole in report.holes)
            return Claim(Outcome.PROVED, finders, report.text, gated=True)
        worst = unproved[0]
        if worst.outcome is Outcome.DISPROVED:
            self.progress.told.append(f"proof of the negation:\n{worst.proof}")
            found = worst.counterexample or worst.found_by
            return Claim(Outcome.DISPROVED, f"its negation is proved ({found})")
        return Claim(worst.outcome, worst.reason or "")

    def _claim_of_model(self, result: AttemptResult) -> Claim:
        candidate = None if result.answer is None else self.problem.candidate(result.answer)
        reason = f"the model ({result.way})" if result.outcome is Outcome.PROVED else result.reason
        judgement = result.judgement
        if judgement is None or judgement is _CLAIMED:
            return Claim(result.outcome, reason, candidate)
        gated = judgement.outcome in _DECIDED
        return Claim(result.outcome, reason, candidate, gated, errors_of_candidate(judgement))

    def _note_search(self, event: ProveEvent) -> None:
        if isinstance(event, Searched):
            result = event.result
            self.progress.interactions += result.steps
            finder = f": {result.found_by}" if result.found_by else ""
            self.progress.told.append(
                f"search, {result.steps} steps in {result.seconds:.1f} s, {result.outcome}{finder}"
            )

    def _observe(self, number: int, style: Style, seed: int) -> Callable[[AttemptEvent], None]:
        self._style = style
        return self._note_model

    def _note_model(self, event: AttemptEvent) -> None:
        match event:
            case Generated(text, usage, _, _):
                self.progress.tokens += usage.completion_tokens
                self.progress.told.append(text)
            case Checked(_, feedback, _, _, _):
                self.progress.interactions += 1
                self.progress.told.append(f"[Lean] {feedback}")


def errors_of_candidate(judgement: Judgement) -> tuple[str, ...]:
    """Return Lean's errors in a candidate, cut for the log."""
    errors = [m.data[:MOST_ERROR] for m in judgement.messages if m.severity == "error"]
    return tuple(errors[:MOST_ERRORS])
