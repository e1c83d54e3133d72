"""From a problem in words to a Lean statement: sample, elaborate, repair, drop empty statements, take the majority.

An answer that Lean does not accept goes back to the model with Lean's errors. The accepted statements are divided into
classes of equivalent ones (`majority.py`), and the most probable member of the largest class is chosen. The choice is a
vote, not a proof that the statement matches the words, so the result lists all classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.candidate import Candidate, code_in
from stepprove.formalizer.checks import Checks, NoLean
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.majority import StatementClass, classes
from stepprove.formalizer.prompts import CHAT, PromptForm, repair
from stepprove.formalizer.vacuity import Vacuity
from stepprove.gather import gather_or_cancel
from stepprove.serving.client.answer import after_thinking
from stepprove.serving.client.exchange import Chatter, Sample, Sampling, Turn, Usage

SampleOutcome = Literal["valid", "refused", "empty", "unanswered"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class SampleReport(_Record):
    """The outcome of one sample."""

    outcome: SampleOutcome
    """valid: Lean accepts the statement, and it is not empty; refused: Lean rejects the last answer; empty: the hypotheses
    contradict each other, or the statement is false; unanswered: Lean did not answer in time.
    """
    answers: int
    """Answers of the model, the first one included."""
    statement: str | None = None
    """The last code that Lean accepted."""
    reason: str | None = None
    warning: str | None = None
    logprob: float | None = None
    """The log-probability of the last answer, over all tokens, if the server reports it."""


class Formalization(_Record):
    """The result for one problem."""

    outcome: Literal["formalized", "none", "unknown"]
    """none: no sample yielded a statement; unknown: likewise, but Lean left one of them unanswered."""
    problem: str
    statement: str | None
    """The whole file, header included, with `sorry` for the proof."""
    warning: str | None = None
    classes: tuple[StatementClass, ...] = ()
    """Classes of indices into `samples`, the largest first."""
    undecided: int = 0
    """Comparisons that Lean did not decide in time."""
    samples: tuple[SampleReport, ...]
    usage: Usage
    seconds: float

    @property
    def agreement(self) -> float:
        """The chosen class's share of the valid samples; 0 without a class."""
        valid = sum(len(c.members) for c in self.classes)
        return len(self.classes[0].members) / valid if valid else 0.0


@dataclass(frozen=True, slots=True)
class FormalizeOptions:
    """The options for one problem."""

    form: PromptForm = field(default=CHAT)
    samples: int = 16
    rounds: int = 3
    """Answers for each sample, the first one included."""
    name: str | None = None
    """The theorem's name; None keeps the model's."""
    header: str = ""
    """The text before the statement; the model sees it."""
    mathlib: bool = False
    """The header imports Mathlib."""
    method: Method = "beq"
    seed: int | None = None


async def autoformalize(
    client: Chatter,
    lean: Checks,
    problem: str,
    options: FormalizeOptions = FormalizeOptions(),
    *,
    listen: Callable[[SampleReport], None] = lambda report: None,
) -> Formalization:
    """State a problem in Lean.

    Args:
        client: the model.
        lean: checks statements under the header.
        problem: in words.
        options: how many samples and rounds, and how statements are compared.
        listen: receives each sample's report.

    Raises:
        ModelFailure, BudgetSpent: the model did not answer.
        NoLean: Lean cannot be reached.
    """
    started = time.monotonic()
    work = _StatementSampler(client, lean, options)
    prompt = options.form.turns(problem, options.header, mathlib=options.mathlib)
    first = await work.ask(prompt, options.samples)
    done = await gather_or_cancel(work.sample(prompt, sample, listen) for sample in first)
    reports = tuple(report for report, _ in done)
    places = [place for place, report in enumerate(reports) if report.outcome == "valid"]
    classes_found: tuple[StatementClass, ...] = ()
    undecided = 0
    if places:
        kept = [c for p in places if (c := done[p][1]) is not None]
        classes_found, undecided = await work.classes(kept, [reports[p].logprob for p in places])
        classes_found = tuple(
            c.model_copy(update={"members": tuple(places[m] for m in c.members)}) for c in classes_found
        )
    chosen = reports[classes_found[0].members[0]] if classes_found else None
    silent = any(report.outcome == "unanswered" for report in reports)
    return Formalization(
        outcome="formalized" if chosen else "unknown" if silent else "none",
        problem=problem,
        statement=chosen.statement if chosen else None,
        warning=chosen.warning if chosen else None,
        classes=classes_found,
        undecided=undecided,
        samples=reports,
        usage=work.usage,
        seconds=round(time.monotonic() - started, 3),
    )


class _StatementSampler:
    """Samples the statements of one problem."""

    def __init__(self, client: Chatter, lean: Checks, options: FormalizeOptions) -> None:
        self.client, self.lean, self.options = client, lean, options
        self.usage = Usage()

    async def ask(self, turns: list[Turn], count: int, seed: int | None = None) -> tuple[Sample, ...]:
        """Return answers of the model."""
        form = self.options.form
        reply = await self.client.chat(
            turns,
            Sampling(
                temperature=form.temperature,
                top_p=form.top_p,
                max_tokens=form.max_tokens,
                n=count,
                seed=self.options.seed if seed is None else seed,
                logprobs=True,
            ),
        )
        self.usage += reply.usage
        return reply.samples

    async def sample(
        self, prompt: list[Turn], sample: Sample, listen: Callable[[SampleReport], None]
    ) -> tuple[SampleReport, Candidate | None]:
        """Check an answer, and ask the model for repairs until Lean accepts it or the rounds are spent."""
        report, candidate = await self._sample(prompt, sample)
        listen(report)
        return report, candidate

    async def _sample(self, prompt: list[Turn], sample: Sample) -> tuple[SampleReport, Candidate | None]:
        answers = 1
        while True:
            logprob = None if sample.logprobs is None else sum(sample.logprobs)
            code = code_in(sample.text)
            candidate: Candidate | str
            verdict = Vacuity()
            try:
                if code is None:
                    candidate = "There is no Lean code in the answer."
                else:
                    candidate, verdict = await self.lean.read(code, self.options.header, self.options.name)
            except NoLean as failure:
                return SampleReport(
                    outcome="unanswered", answers=answers, reason=str(failure), logprob=logprob
                ), None
            if isinstance(candidate, Candidate):
                report = SampleReport(
                    outcome="valid" if verdict.empty is None else "empty",
                    answers=answers,
                    statement=self._file(candidate),
                    reason=verdict.empty,
                    warning=verdict.warning,
                    logprob=logprob,
                )
                return report, candidate if verdict.empty is None else None
            if answers >= self.options.rounds:
                return SampleReport(
                    outcome="refused", answers=answers, reason=candidate, logprob=logprob
                ), None
            last_answer = Turn(role="assistant", content=after_thinking(sample.text).strip() or "(nothing)")
            (sample,) = (await self.ask([*prompt, last_answer, repair(candidate)], 1))[:1]
            answers += 1

    async def classes(
        self, candidates: list[Candidate], logprobs: list[float | None]
    ) -> tuple[tuple[StatementClass, ...], int]:
        """Divide the statements into classes of equivalent ones."""
        return await classes(
            [candidate.statement for candidate in candidates],
            logprobs,
            partial(self.lean.same, method=self.options.method),
        )

    def _file(self, candidate: Candidate) -> str:
        return (
            "\n\n".join(part for part in (self.options.header.strip(), candidate.text.strip()) if part) + "\n"
        )
