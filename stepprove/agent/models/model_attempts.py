"""Model attempts on one hole, in parallel, until the gate accepts one.

The model receives the hole's declaration with its context and answers with a whole declaration. Only the proof in the hole's
place is taken from the answer and put into the user's file; the gate judges that file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from typing import Any, Literal

from stepprove.agent.file.filled_file_gate import gate_filled_file
from stepprove.agent.file.options import Listener, ProveOptions, Thinking
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import Worker
from stepprove.agent.models.alignment import proof_in
from stepprove.agent.models.problem import MOST_CHARACTERS, Problem
from stepprove.agent.models.refine import RefineEvent, RefineOptions, run_refinement
from stepprove.agent.models.repair import Partial
from stepprove.agent.models.stepfun import (
    Checked,
    Generated,
    TirOptions,
    build_prompt,
    options_for,
    run_trajectory,
)
from stepprove.agent.trace.trace import Trace
from stepprove.faults import fault_told
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.pool import Pool, PoolClosed, PoolFull
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Hole, SourceFile
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import Budget, BudgetSpent, Prices
from stepprove.serving.client.client import Client, ModelFailure

Style = Literal["tir", "chat"]


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """The model, its budget and its policy."""

    name: str
    """The value of `--model`: `openai:NAME`, `http://HOST:PORT/v1#NAME`, `vllm:NAME` or `tiny`."""
    policy: Literal["model", "auto"] = "auto"
    """`model`: the model alone; `auto`: the search first, then both."""
    style: Style | None = None
    """`tir`: one growing text with sketches (`stepfun.py`); `chat`: whole proofs (`refine.py`); None: the model's
    usual style.
    """
    attempts: int = 4
    """Model attempts per hole, in parallel."""
    rounds: int = 4
    """Answers per chat."""
    budget: Budget = field(default_factory=Budget)
    """The budget of the whole file."""
    prices: Prices = field(default_factory=Prices)
    hole_tokens: int | None = None
    """The token budget of each hole."""
    retries: int = 4
    """Retries of a request when the server is busy, fails or is not there."""
    tir: TirOptions | None = None
    """None: the options for the model's name."""
    chat: RefineOptions = field(default_factory=RefineOptions)


def style_of(model: str) -> Style:
    """Return the style of a model by its name; models trained to write sketches are listed."""
    name = re.sub(r"[^a-z]", "", model.lower())
    return "tir" if "stepfunprover" in name or name == "tiny" else "chat"


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


class HoleAttempts:
    """The attempts of a model on one hole."""

    def __init__(
        self,
        plan: ModelPlan,
        client: Client,
        pool: Pool,
        engine: Engine,
        options: ProveOptions,
        source: SourceFile,
        hole: Hole,
        listen: Listener,
        trace: Trace,
    ) -> None:
        self.plan, self.client, self.pool, self.engine = plan, client, pool, engine
        self.options, self.source, self.hole = options, source, hole
        self.listen, self.trace = listen, trace
        self.problem = problem_of(source, hole, options.prelude)
        self.proofs: dict[str, str] = {}
        """The hole's proof for each accepted answer."""
        self.ways: dict[str, str] = {}
        """The way in which the model produced each answer."""
        self.answers = self.tokens = 0
        self.best: Partial | None = None

    async def run(self, blank: HoleResult, seconds: float) -> HoleResult:
        """Run the attempts on the hole.

        Args:
            blank: a result that places the hole.
            seconds: the time limit.

        Returns:
            The hole's result; a failure of a model or of Lean is its outcome.
        """
        ended: list[tuple[Outcome, str]] = []
        tasks: set[asyncio.Task[tuple[Outcome, str]]] = set()
        try:
            async with asyncio.timeout(seconds):
                style = self.plan.style or style_of(await self.client.model())
                tasks = {asyncio.create_task(self.attempt(n, style)) for n in range(self.plan.attempts)}
                for task in asyncio.as_completed(tasks):
                    outcome, detail = await task
                    if outcome is Outcome.PROVED:
                        return self.result(blank, outcome, detail)
                    ended.append((outcome, detail))
        except TimeoutError:
            ended.append((Outcome.TIMEOUT, f"no proof within {seconds:g} s"))
        except (ModelFailure, BudgetSpent) as failure:
            ended.append((Outcome.INFRASTRUCTURE, _sentence(failure)))
        except Exception as fault:
            reason = fault_told(fault, f"the model at line {self.hole.line}")
            ended.append((Outcome.INFRASTRUCTURE, reason))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.result(blank, *_merge_failures(ended))

    def result(self, blank: HoleResult, outcome: Outcome, detail: str) -> HoleResult:
        """Build the hole's result from an outcome."""
        if outcome is Outcome.PROVED:
            return blank.model_copy(
                update={
                    "outcome": outcome,
                    "proof": self.proofs[detail],
                    "found_by": f"the model ({self.ways[detail]})",
                }
            )
        best = None if self.best is None else self.best.code
        return blank.model_copy(update={"outcome": outcome, "reason": detail, "partial": best})

    async def attempt(self, number: int, style: Style) -> tuple[Outcome, str]:
        """Run one attempt; return its outcome, with the accepted answer or the reason."""
        name = f"{self.hole.index}.{number}"
        listener = _AttemptListener(self, name)
        seed = self.options.seed + number
        self.trace.record(
            "attempt",
            attempt=name,
            hole=self.hole.index,
            style=style,
            seed=seed,
            problem=self.problem.shown,
            prompt=build_prompt(self.problem) if style == "tir" else None,
        )
        try:
            if style == "tir":
                judgement, answer, why = await self.trajectory(seed, listener)
            else:
                judgement, answer, why = await self.refinement(seed, listener)
        except (ModelFailure, BudgetSpent, PoolFull, PoolClosed) as failure:
            self.trace.record("stopped", attempt=name, reason=_sentence(failure))
            return Outcome.INFRASTRUCTURE, _sentence(failure)
        except asyncio.CancelledError:
            self.trace.record("stopped", attempt=name, reason="cancelled")
            raise
        except Exception as fault:  # a fault of ours at one answer must not cost the proofs of other holes
            reason = fault_told(fault, f"attempt {name}")
            self.trace.record("stopped", attempt=name, reason=reason)
            return Outcome.INFRASTRUCTURE, reason
        if judgement is None:
            self.trace.record("stopped", attempt=name, reason=why)
            return Outcome.FAILED, why
        if judgement.accepted and answer is not None:
            return Outcome.PROVED, answer
        return judgement.outcome, judgement.reason or why

    async def trajectory(
        self, seed: int, listener: _AttemptListener
    ) -> tuple[Judgement | None, str | None, str]:
        """Run one trajectory of tool-integrated reasoning; return the judgement, the answer and the reason it ended."""
        options = replace(self.plan.tir or options_for(await self.client.model()), seed=seed)
        trajectory = await run_trajectory(
            self.client, self.pool, self.problem, options, listen=listener, judge=self.judge
        )
        if trajectory.answer is not None:
            self.ways[trajectory.answer] = _count(len(trajectory.sketches), "sketch", "sketches")
        why = f"the model's text ended without an answer ({trajectory.end.value})"
        judgement = trajectory.judgement
        if judgement is None and trajectory.outcome is not Outcome.FAILED:
            judgement = self.unanswered(listener, trajectory.outcome, "sketches")
        return judgement, trajectory.answer, why

    async def refinement(
        self, seed: int, listener: _AttemptListener
    ) -> tuple[Judgement | None, str | None, str]:
        """Run one chat; return the judgement, the answer and the reason it ended."""
        options = replace(self.plan.chat, seed=seed, rounds=self.plan.rounds)
        refinement = await run_refinement(
            self.client,
            self.pool,
            self.engine,
            self.problem,
            options,
            listen=listener,
            judge=self.judge,
        )
        if refinement.answer is not None:
            way = _count(refinement.rounds, "answer", "answers")
            self.ways[refinement.answer] = way + (", completed by the search" if refinement.mended else "")
        answers = _count(refinement.rounds, "answer", "answers")
        judgement = refinement.judgement
        if judgement is None and refinement.unanswered is not None:
            judgement = self.unanswered(listener, refinement.unanswered, answers)
        return judgement, refinement.answer, f"Lean accepts none of the model's {answers}"

    def unanswered(self, listener: _AttemptListener, outcome: Outcome, left_open: str) -> Judgement:
        """Return the judgement of an attempt that Lean left partly unanswered: no verdict."""
        judgement = Judgement(
            outcome=outcome, reason=f"Lean could not tell of all of the model's {left_open}"
        )
        self.trace.record("stopped", attempt=listener.name, reason=judgement.reason)
        return judgement

    async def judge(self, answer: str) -> Judgement:
        """Run the gate on the file with an answer's proof in the hole."""
        if len(answer) > MOST_CHARACTERS:
            return Judgement(
                outcome=Outcome.REJECTED, reason=f"it is longer than {MOST_CHARACTERS} characters"
            )
        proof = proof_in(self.source, self.hole, answer)
        if proof is None:
            return Judgement(
                outcome=Outcome.REJECTED, reason="the model's answer is not the declaration that the file has"
            )
        result = await self.pool.run(lambda repl: self.judged(repl, proof), priority=1)
        if result.outcome is Outcome.PROVED and result.proof is not None:
            self.proofs[answer] = result.proof
        return Judgement(outcome=result.outcome, reason=result.reason)

    def judged(self, repl: Repl, proof: str) -> HoleResult:
        """Run the gate on the file with a proof in the hole and all other holes open."""
        options = replace(self.options, remember=False, standby=False)
        worker = Worker(self.source, self.engine, options, repl)
        claim = worker.blank(self.hole).model_copy(update={"outcome": Outcome.PROVED, "proof": proof})
        try:
            results = worker.assemble([claim], lambda _: None, Flag())
            _, (result,), _ = gate_filled_file(worker, results)
        except ReplFailure as failure:
            return claim.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        return result


class _AttemptListener:
    """Records and counts the events of one attempt."""

    def __init__(self, owner: HoleAttempts, name: str) -> None:
        self.owner, self.name = owner, name

    def __call__(self, event: RefineEvent) -> None:
        owner = self.owner
        record: dict[str, Any]
        match event:
            case Generated(text, usage, finish, seconds):
                owner.answers += 1
                owner.tokens += usage.tokens
                kind = "turn"
                record = {"text": text, **usage.model_dump(), "finish": finish, "seconds": round(seconds, 3)}
                owner.listen(Thinking(owner.hole.index, owner.answers, owner.tokens))
            case Checked(sketch, feedback, outcome, clean, seconds):
                kind = "check"
                record = {"code": sketch, "feedback": feedback, "outcome": outcome, "clean": clean}
                record["seconds"] = round(seconds, 3)
            case Partial(code, goals):
                kind = "partial"
                record = {"code": code, "goals": goals}
                if owner.best is None or event.worth > owner.best.worth:
                    owner.best = event
            case Judgement():
                kind = "verdict"
                record = {"outcome": event.outcome, "reason": event.reason}
        owner.trace.record(kind, attempt=self.name, **record)
        limit = owner.plan.hole_tokens
        if kind == "turn" and limit is not None and owner.tokens >= limit:
            raise BudgetSpent(f"the budget of {limit} tokens for a hole is spent ({owner.tokens} used)")


def _merge_failures(ended: Sequence[tuple[Outcome, str]]) -> tuple[Outcome, str]:
    """Merge failed attempts: infrastructure > timeout > rejected > failed."""
    for outcome in (Outcome.INFRASTRUCTURE, Outcome.TIMEOUT, Outcome.REJECTED):
        for ended_as, reason in ended:
            if ended_as is outcome:
                return outcome, reason
    count = len(ended)
    last = ended[-1][1] if ended else "there was none"
    return Outcome.FAILED, last if count == 1 else f"none of {count} attempts was accepted; the last: {last}"


def _sentence(failure: Exception) -> str:
    return str(failure).rstrip(".")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
