"""A model at work on a benchmark's informal statements: one answer to one problem, and BEq's word on the statement in it.

The model is asked as its name wants to be asked (`formalizer/prompts.py`), without feedback from Lean: StepFun-Formalizer's
protocol (arXiv 2508.04440). It is shown the problem in words and what stands above the benchmark's own theorem, definitions
included, but never that theorem.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from stepprove.eval.model_handle import Served
from stepprove.eval.record import Attempt, Ending, Problem, Stated
from stepprove.eval.setup import Setup, attempt_seed
from stepprove.formalizer.candidate import code_in
from stepprove.formalizer.equivalence.elaboration_context import Grounds
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
"""Characters of an answer that are kept."""
_MOST_HEADERS = 64
"""Headers that are remembered; each stands in every Lean process until the process is started anew."""
_ENDINGS: dict[str, Ending] = {
    "equivalent": Stated.EQUIVALENT,
    "not shown": Stated.NOT_EQUIVALENT,
    "refused": Stated.ILL_TYPED,
    "unknown": Outcome.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Meant:
    """A benchmark's statement, and what stands above it."""

    header: str
    """As the model is shown it."""
    ground: str
    """As Lean is sent it."""
    truth: Statement


class Formalizer:
    """Asks for statements, and compares them with the benchmark's.

    Args:
        setup: what to do; it has a model and a method.
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
        if setup.model is None or setup.method is None:
            raise ValueError("a formalizer needs a model and a method")
        self._setup, self._method = setup, setup.method
        self._without_mathlib = engine.mathlib is None
        self._pool = Pool.over(pool)
        self._served = Served(setup.model, say)
        self._grounds = lru_cache(_MOST_HEADERS)(lambda text: Grounds(text, timeout=setup.time_limit))

    async def attempt(self, problem: Problem, epoch: int) -> Attempt:
        """The model's answer, which is not judged yet. Only being cancelled is raised."""
        blank = Attempt(problem=problem.name, epoch=epoch, outcome=Outcome.INFRASTRUCTURE)
        try:
            header = meant(problem, without_mathlib=self._without_mathlib).header
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
        told = {
            **blank.model_dump(),
            "outcome": Stated.ILL_TYPED,
            "reason": "there is no Lean code in the answer"
            + (", which was cut off at its longest" if sample.finish == "length" else ""),
            "candidate": code_in(sample.text),
            "type_checks": False,
            "tokens": reply.usage.completion_tokens,
            "seconds": round(time.monotonic() - started, 3),
            "trace": middle_cut(sample.text, MOST_TRACE),
        }
        return Attempt.model_validate(encodable(told))

    def _sampling(self, form: PromptForm, problem: Problem, epoch: int) -> Sampling:
        return Sampling(
            temperature=form.temperature,
            top_p=form.top_p,
            max_tokens=form.max_tokens,
            seed=attempt_seed(self._setup.seed, problem.name, epoch),
        )

    async def judge(self, problem: Problem, attempt: Attempt) -> Attempt:
        """The attempt with what Lean says of its statement, alone and beside the benchmark's own."""
        code = attempt.candidate
        if code is None:
            return attempt
        try:
            wanted = meant(problem, without_mathlib=self._without_mathlib)
            grounds = self._grounds(wanted.ground)
            found = await self._pool.run(
                lambda repl: score(
                    grounds(repl),
                    f"```lean4\n{code}\n```",
                    wanted.truth,
                    header=wanted.header,
                    name=THEOREM_NAME,
                    method=self._method,
                )
            )
        except SourceError as wrong:
            why = f"the benchmark's own statement does not stand: {_line(wrong)}"
            return _judged(attempt, outcome=Stated.NOT_EQUIVALENT, reason=why)
        except (ReplFailure, PoolFull, PoolClosed) as failure:
            return _judged(attempt, outcome=Outcome.INFRASTRUCTURE, reason=_line(failure))
        return _judged(attempt, **_told(found))


def meant(problem: Problem, *, without_mathlib: bool) -> Meant:
    """A problem's own statement apart from what stands above it.

    Without Mathlib, notation for ℕ and ℤ stands in the place of the imports, as it did when Lean was asked for the core subset.
    Raises SourceError where it cannot be taken from there.
    """
    whole = read_statement(problem.source)
    if any(whole.scopes):
        raise SourceError("it stands in a section or namespace of its own")
    start = whole.chunk.start
    header = problem.source[:start].strip()
    ground = header
    if without_mathlib:
        above = problem.source[parse_source(problem.source).header_end : start]
        ground = f"{PRELUDE}set_option autoImplicit false\n{above}"
    return Meant(header, ground, read_statement(problem.source[start:]))


def _told(found: Scored) -> dict[str, object]:
    """What becomes of an attempt whose statement was scored."""
    lines = (found.reason or "").strip().split("\n")
    at_length = len(lines) > 1
    refused = found.outcome == "refused"
    reason = "Lean does not accept it" if refused and at_length else lines[0].rstrip(".")
    if found.outcome == "not shown":
        reason += " (A: the model's, B: the benchmark's)"
    return {
        "outcome": Outcome.INFRASTRUCTURE if found.infrastructure else _ENDINGS[found.outcome],
        "reason": reason,
        "errors": ("\n".join(lines),) if refused and at_length else (),
        "type_checks": True if found.statement is not None else False if refused else None,
    }


def _judged(attempt: Attempt, **told: object) -> Attempt:
    blank = {"errors": (), "type_checks": None}
    return Attempt.model_validate(encodable({**attempt.model_dump(), **blank, **told}))


def left_out(problem: Problem) -> str | None:
    """Why no model can be asked for a problem's statement; None when one can."""
    if not problem.informal:
        return "it has no informal statement"
    try:
        meant(problem, without_mathlib=False)
    except SourceError as wrong:
        return str(wrong).rstrip(".")
    return None


def _line(wrong: Exception) -> str:
    return str(wrong).partition("\n")[0].rstrip(".")
