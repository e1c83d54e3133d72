"""Evaluate a formalizer: one answer to each informal problem, compared with the benchmark's statement by BEq.

The model gets the prompt for its name (`formalizer/prompts.py`) and no feedback from Lean: StepFun-Formalizer's protocol
(arXiv 2508.04440). The prompt has the problem in words and the text above the benchmark's theorem, definitions included, but
never that theorem.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from stepprove.eval.model_handle import ModelHandle
from stepprove.eval.records.record import Attempt, BenchmarkProblem, Ending, FormalizationOutcome
from stepprove.eval.setup import Setup, attempt_seed
from stepprove.formalizer.candidate import code_in
from stepprove.formalizer.equivalence.elaboration_context import ElaborationContexts
from stepprove.formalizer.equivalence.scoring import Scored, score
from stepprove.formalizer.prompts import THEOREM_NAME, PromptForm, form_of
from stepprove.formalizer.statement import Statement, read_statement
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import Pool, PoolClosed, PoolFull, SyncPool
from stepprove.lean_project.repl.repl import ReplFailure
from stepprove.lean_project.source.file import SourceError, parse_source
from stepprove.lean_project.source.prelude import PRELUDE
from stepprove.outcome import Outcome
from stepprove.serving.client.budget import BudgetSpent
from stepprove.serving.client.client import ModelFailure
from stepprove.serving.client.exchange import Sampling
from stepprove.visible import encodable, middle_cut

MOST_TRACE = 100_000
"""Characters of an answer in the log."""
_MOST_HEADERS = 64
"""Headers in the cache; each occupies every Lean process until it restarts."""
_ENDINGS: dict[str, Ending] = {
    "equivalent": FormalizationOutcome.EQUIVALENT,
    "not shown": FormalizationOutcome.NOT_EQUIVALENT,
    "refused": FormalizationOutcome.ILL_TYPED,
    "unknown": Outcome.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class ReferenceStatement:
    """A benchmark's statement, and the text above it."""

    header: str
    """As in the prompt."""
    lean_header: str
    """As Lean receives it."""
    truth: Statement


class Formalizer:
    """Samples statements and compares them with the benchmark's.

    Args:
        setup: has a model and a method.
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
        if setup.model is None or setup.method is None:
            raise ValueError("a formalizer needs a model and a method")
        self._setup, self._method = setup, setup.method
        self._without_mathlib = engine.mathlib is None
        self._pool = Pool.over(pool)
        self._served = ModelHandle(setup.model, say)
        self._contexts = lru_cache(_MOST_HEADERS)(
            lambda text: ElaborationContexts(text, timeout=setup.time_limit)
        )

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        """Return the model's answer, not judged yet; every failure but a cancellation is its outcome."""
        blank = Attempt(problem=problem.name, epoch=epoch, outcome=Outcome.INFRASTRUCTURE)
        try:
            header = reference_statement(problem, without_mathlib=self._without_mathlib).header
            client = await self._served.client()
            form = form_of(await client.model())
            started = time.monotonic()
            reply = await client.chat(
                form.turns(problem.informal or "", header, mathlib=not self._without_mathlib),
                self._sampling(form, problem, epoch),
            )
        except (ModelFailure, BudgetSpent, OSError) as failure:
            return blank.model_copy(update={"reason": _line(failure)})
        (sample, *_) = reply.samples
        answered = {
            **blank.model_dump(),
            "outcome": FormalizationOutcome.ILL_TYPED,
            "reason": "there is no Lean code in the answer"
            + (", which was cut off at its longest" if sample.finish == "length" else ""),
            "candidate": code_in(sample.text),
            "type_checks": False,
            "tokens": reply.usage.completion_tokens,
            "seconds": round(time.monotonic() - started, 3),
            "trace": middle_cut(sample.text, MOST_TRACE),
        }
        return Attempt.model_validate(encodable(answered))

    def _sampling(self, form: PromptForm, problem: BenchmarkProblem, epoch: int) -> Sampling:
        return Sampling(
            temperature=form.temperature,
            top_p=form.top_p,
            max_tokens=form.max_tokens,
            seed=attempt_seed(self._setup.seed, problem.name, epoch),
        )

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        """Return the attempt with Lean's verdict on its statement, alone and against the benchmark's."""
        code = attempt.candidate
        if code is None:
            return attempt
        try:
            wanted = reference_statement(problem, without_mathlib=self._without_mathlib)
            contexts = self._contexts(wanted.lean_header)
            scored = await self._pool.run(
                lambda repl: score(
                    contexts(repl),
                    f"```lean4\n{code}\n```",
                    wanted.truth,
                    header=wanted.header,
                    name=THEOREM_NAME,
                    method=self._method,
                )
            )
        except SourceError as wrong:
            why = f"the benchmark's own statement does not stand: {_line(wrong)}"
            return _with_fields(attempt, outcome=FormalizationOutcome.NOT_EQUIVALENT, reason=why)
        except (ReplFailure, PoolFull, PoolClosed) as failure:
            return _with_fields(attempt, outcome=Outcome.INFRASTRUCTURE, reason=_line(failure))
        return _with_fields(attempt, **_score_fields(scored))


def reference_statement(problem: BenchmarkProblem, *, without_mathlib: bool) -> ReferenceStatement:
    """Split a problem into its statement and the text above it.

    Args:
        problem: of the benchmark.
        without_mathlib: notation for ℕ and ℤ replaces the imports, as for the core subset.

    Raises:
        SourceError: the statement cannot be isolated.
    """
    whole = read_statement(problem.source)
    if any(whole.scopes):
        raise SourceError("it stands in a section or namespace of its own")
    start = whole.chunk.start
    header = problem.source[:start].strip()
    lean_header = header
    if without_mathlib:
        above = problem.source[parse_source(problem.source).header_end : start]
        lean_header = f"{PRELUDE}set_option autoImplicit false\n{above}"
    return ReferenceStatement(header, lean_header, read_statement(problem.source[start:]))


def _score_fields(scored: Scored) -> dict[str, object]:
    """Return the fields of an attempt with this score."""
    lines = (scored.reason or "").strip().split("\n")
    at_length = len(lines) > 1
    refused = scored.outcome == "refused"
    reason = "Lean does not accept it" if refused and at_length else lines[0].rstrip(".")
    if scored.outcome == "not shown":
        reason += " (A: the model's, B: the benchmark's)"
    return {
        "outcome": Outcome.INFRASTRUCTURE if scored.infrastructure else _ENDINGS[scored.outcome],
        "reason": reason,
        "errors": ("\n".join(lines),) if refused and at_length else (),
        "type_checks": True if scored.statement is not None else False if refused else None,
    }


def _with_fields(attempt: Attempt, **fields: object) -> Attempt:
    blank = {"errors": (), "type_checks": None}
    return Attempt.model_validate(encodable({**attempt.model_dump(), **blank, **fields}))


def left_out(problem: BenchmarkProblem) -> str | None:
    """Return the reason that no model can be asked for a problem's statement; None otherwise."""
    if not problem.informal:
        return "it has no informal statement"
    try:
        reference_statement(problem, without_mathlib=False)
    except SourceError as wrong:
        return str(wrong).rstrip(".")
    return None


def _line(wrong: Exception) -> str:
    return str(wrong).partition("\n")[0].rstrip(".")
