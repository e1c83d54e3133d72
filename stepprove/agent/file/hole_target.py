"""A hole of a file as the target of a policy: the search on a worker, the model's answers in the hole's place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from stepprove.agent.file.assembly import Assembly
from stepprove.agent.file.filled_file_gate import gate_filled_file
from stepprove.agent.file.hole_search import HoleSearch
from stepprove.agent.file.options import Listener, ProveOptions, Started, Thinking
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import OpenHole, Worker, blank_result
from stepprove.agent.file.workers import Workers
from stepprove.agent.models.alignment import proof_in
from stepprove.agent.models.attempts import AttemptEvent, AttemptResult, Stopped, run_attempts, sentence
from stepprove.agent.models.plan import ModelPlan
from stepprove.agent.models.problem import MOST_CHARACTERS, Problem
from stepprove.agent.models.repair import Partial
from stepprove.agent.models.stepfun import build_prompt
from stepprove.agent.models.tools import ModelTools
from stepprove.agent.models.trajectory import Checked, Generated
from stepprove.agent.policies import FAILURES
from stepprove.agent.stop import Stop
from stepprove.agent.trace.trace import Trace
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Hole, SourceFile
from stepprove.on_first_use import OnFirstUse
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import BudgetSpent
from stepprove.serving.client.client import ModelFailure
from stepprove.serving.client.model_traits import Style


@dataclass(frozen=True, slots=True)
class ModelSide:
    """The model of a run on a file."""

    plan: ModelPlan
    tools: OnFirstUse[ModelTools]


@dataclass(frozen=True, slots=True)
class FileRun:
    """A run on a file: what all its holes share."""

    workers: Workers
    options: ProveOptions
    listen: Listener
    trace: Trace
    stop: Stop
    model: ModelSide | None

    @property
    def source(self) -> SourceFile:
        """The file."""
        return self.workers.source


class HoleTarget:
    """One hole of a run."""

    def __init__(self, run: FileRun, hole: Hole) -> None:
        self.run, self.hole = run, hole
        self.blank = blank_result(run.source, hole)
        self.started = time.monotonic()
        self._open: OpenHole | None = None
        self._worker: Worker | None = None

    def open(self, repl: Repl, stop: Event) -> HoleResult | None:
        """Find the hole's goal; return the result of a hole that needs no proof of ours."""
        self.started = time.monotonic()
        self.run.listen(Started(self.hole.index))
        worker = self._worker = self.run.workers.on(repl)
        found = worker.inspect_hole(self.hole, worker.chunks[: self.hole.chunk], stop)
        if not isinstance(found, OpenHole):
            return found
        self._open, self.blank = found, found.blank
        return None

    def search(self, repl: Repl, seconds: float, stop: Event) -> HoleResult:
        """Search for a proof and for a proof of the negation."""
        assert self._open is not None
        return HoleSearch(self.run.workers.on(repl), self._open, self.run.listen, stop).run(seconds)

    async def ask(self, seconds: float) -> HoleResult | None:
        """Run the model's attempts."""
        return await self.run.stop.ends(self._attempts(seconds))

    def merge(self, model: HoleResult | None, search: HoleResult | None) -> HoleResult:
        """Merge two failures: infrastructure > timeout > rejected > failed."""
        if model is None:
            return (search or self.blank).model_copy(update={"outcome": Outcome.TIMEOUT, "reason": "stopped"})
        if search is None or search.reason is None:
            return model
        outcome = min(model.outcome, search.outcome, key=FAILURES.index)
        reason = f"the model: {model.reason}; the search: {search.reason}"
        return model.model_copy(update={"outcome": outcome, "reason": reason})

    async def _attempts(self, seconds: float) -> HoleResult:
        side = self.run.model
        assert side is not None
        try:
            tools = await side.tools.get()
        except (ModelFailure, ReplFailure, OSError) as failure:
            return self.blank.model_copy(
                update={"outcome": Outcome.INFRASTRUCTURE, "reason": sentence(failure)}
            )
        answers = _Answers(self.run, self.hole, side.plan, tools.pool)
        result = await run_attempts(
            tools,
            side.plan,
            answers.problem,
            seconds,
            self.run.options.seed,
            judge=answers.judge,
            observe=answers.observe,
        )
        filled = answers.result(self.blank, result)
        if filled.outcome is Outcome.PROVED and filled.proof is not None and self._worker is not None:
            prefix = self._worker.chunks[: self.hole.chunk]
            self._worker.keep(self.hole, prefix, filled.proof, filled.found_by or "")
        return filled


class _Answers:
    """A model's answers for one hole: each is judged in the hole's place, and every event is traced."""

    def __init__(self, run: FileRun, hole: Hole, plan: ModelPlan, pool: Pool) -> None:
        self.run, self.hole, self.plan, self.pool = run, hole, plan, pool
        self.problem = problem_of(run.source, hole, run.options.prelude)
        self.proofs: dict[str, str] = {}
        """The hole's proof for each accepted answer."""
        self.count = self.tokens = 0
        self.best: Partial | None = None

    def result(self, blank: HoleResult, result: AttemptResult) -> HoleResult:
        """Build the hole's result from that of the attempts."""
        update: dict[str, Any] = {"outcome": result.outcome}
        if result.outcome is Outcome.PROVED and result.answer is not None:
            update |= {"proof": self.proofs[result.answer], "found_by": f"the model ({result.way})"}
        else:
            update |= {"reason": result.reason, "partial": None if self.best is None else self.best.code}
        return blank.model_copy(update=update)

    async def judge(self, answer: str) -> Judgement:
        """Run the gate on the file with an answer's proof in the hole."""
        if len(answer) > MOST_CHARACTERS:
            return _rejected(f"it is longer than {MOST_CHARACTERS} characters")
        proof = proof_in(self.run.source, self.hole, answer)
        if proof is None:
            return _rejected("the model's answer is not the declaration that the file has")
        result = await self.pool.run(lambda repl: self._gated(repl, proof), priority=1)
        if result.outcome is Outcome.PROVED and result.proof is not None:
            self.proofs[answer] = result.proof
        return Judgement(outcome=result.outcome, reason=result.reason)

    def _gated(self, repl: Repl, proof: str) -> HoleResult:
        """Run the gate on the file with a proof in the hole and all other holes open."""
        options = replace(self.run.options, remember=False, standby=False)
        workers = self.run.workers
        worker = Worker(workers.source, workers.engine, options, repl, workers.judged)
        claim = worker.blank(self.hole).model_copy(update={"outcome": Outcome.PROVED, "proof": proof})
        try:
            results = Assembly(worker, lambda _: None, Event()).run([claim])
            _, (result,), _ = gate_filled_file(worker, results)
        except ReplFailure as failure:
            return claim.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        return result

    def observe(self, number: int, style: Style, seed: int) -> Callable[[AttemptEvent], None]:
        """Trace the beginning of an attempt; return the listener for its events."""
        name = f"{self.hole.index}.{number}"
        self.run.trace.record(
            "attempt",
            attempt=name,
            hole=self.hole.index,
            style=style,
            seed=seed,
            problem=self.problem.shown,
            prompt=build_prompt(self.problem) if style == "tir" else None,
        )
        return lambda event: self._note(name, event)

    def _note(self, name: str, event: AttemptEvent) -> None:
        """Trace and count an event; raise BudgetSpent when the hole's tokens are spent."""
        kind, record = _record(event)
        if isinstance(event, Generated):
            self.count += 1
            self.tokens += event.usage.tokens
            self.run.listen(Thinking(self.hole.index, self.count, self.tokens))
        if isinstance(event, Partial) and (self.best is None or event.worth > self.best.worth):
            self.best = event
        self.run.trace.record(kind, attempt=name, **record)
        limit = self.plan.hole_tokens
        if isinstance(event, Generated) and limit is not None and self.tokens >= limit:
            raise BudgetSpent(f"the budget of {limit} tokens for a hole is spent ({self.tokens} used)")


def _record(event: AttemptEvent) -> tuple[str, dict[str, Any]]:
    """Return the kind and the fields of an event in a trace."""
    match event:
        case Generated(text, usage, finish, seconds):
            fields = {"text": text, **usage.model_dump(), "finish": finish, "seconds": round(seconds, 3)}
            return "turn", fields
        case Checked(sketch, feedback, outcome, clean, seconds):
            fields = {"code": sketch, "feedback": feedback, "outcome": outcome, "clean": clean}
            return "check", {**fields, "seconds": round(seconds, 3)}
        case Partial(code, goals):
            return "partial", {"code": code, "goals": goals}
        case Judgement():
            return "verdict", {"outcome": event.outcome, "reason": event.reason}
        case Stopped(reason):
            return "stopped", {"reason": reason}


def problem_of(source: SourceFile, hole: Hole, prelude: str | None) -> Problem:
    """Return a hole as a problem for a model: its declaration, in the environment of the text above it."""
    chunk = source.chunks[hole.chunk]
    declaration = None if hole.declaration is None else source.declarations[hole.declaration]
    start, end = chunk.start, chunk.end
    if declaration is not None:
        before = [d for d in source.declarations if d.chunk == hole.chunk and d.end <= declaration.start]
        start = max([start, *(d.end for d in before)])
        end = declaration.end
    return Problem(
        source.header.strip(),
        source.text[start:end].strip(),
        (declaration.name if declaration else None) or "",
        context=source.text[source.header_end : start].strip(),
        prelude=prelude,
    )


def _rejected(reason: str) -> Judgement:
    return Judgement(outcome=Outcome.REJECTED, reason=reason)
