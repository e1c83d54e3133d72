"""Whole proofs by chat: the model writes a proof, Lean reports its errors, the model repairs it.

The feedback has each error with its line and its goals, and the part of the proof that holds: the errors are cut back to
`sorry`, and the search tries the open goals. A proof that the search completes goes to the gate without another question to the
model. The chat keeps the problem, the last answer and its feedback, so that it does not grow.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stepprove.agent.models.answer import code_of
from stepprove.agent.models.library import Library
from stepprove.agent.models.problem import MOST_CHARACTERS, Problem
from stepprove.agent.models.repair import Partial, partial_of, searched
from stepprove.agent.models.stepfun import final_text
from stepprove.agent.models.tools import ModelTools
from stepprove.agent.models.trajectory import Checked, Generated
from stepprove.lean_project.gate.gate import Judgement, Policy
from stepprove.lean_project.pool.pool import Check
from stepprove.lean_project.repl.protocol import CommandResponse, Message, TacticInfo
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Sampling, Turn, Usage

RefineEvent = Generated | Checked | Judgement | Partial
"""The events of an attempt; a `Partial` is the best so far."""

_MOST_ERRORS = 5
_MOST_WORDS = 1200
"""Characters of one message, goal or partial proof in the feedback."""

_TASK = """\
Prove this theorem in Lean 4:

```lean4
{problem}
```

Answer with the whole theorem, its statement unchanged, in one ```lean4 block, with a proof in the place of every `sorry`. Use no
`sorry`, no new axioms and no `native_decide`. Lemmas of your own may stand before the theorem."""
_HELPFUL = """
What its imports hold that may help:

```lean4
{premises}
```"""
_NO_CODE = (
    "There is no Lean code in your answer. Send the whole theorem with its proof in one ```lean4 block."
)

_TOO_LONG = (
    "Your answer is too long to be read. Send a short proof of the whole theorem in one ```lean4 block."
)


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """The options of a chat."""

    rounds: int = 4
    """Answers of the model, the first one included."""
    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 8192
    seed: int | None = None
    check_seconds: float = 60.0
    judge_seconds: float = 120.0
    search_seconds: float = 4.0
    """Seconds for each open goal of a failed proof, and twice that for all of them; 0: no search."""
    policy: Policy = field(default_factory=Policy)
    library: Library | None = None
    """A library of premises; the prompt shows some that the problem imports."""
    premises: int = 12
    """The most premises in a prompt."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """The result of a chat."""

    problem: Problem
    rounds: int
    answer: str | None
    """The last code that Lean or the gate checked."""
    judgement: Judgement | None
    """The gate's judgement on it; None if Lean found errors first, or gave no answer."""
    unanswered: Outcome | None
    """The outcome of an answer that Lean or the gate could not decide; None if all were decided."""
    best: Partial | None
    """The best part that holds among the failed proofs."""
    mended: bool
    """The search completed the accepted proof."""
    usage: Usage
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the gate accepted the answer."""
        return self.judgement is not None and self.judgement.accepted


def task(problem: Problem, options: RefineOptions = RefineOptions()) -> str:
    """Return the prompt, with premises if the options have a library."""
    prompt = _TASK.format(problem=problem.shown.strip())
    if options.library is None:
        return prompt
    files = options.library.imported_by(problem.header)
    helpful = options.library.near(problem.statement, options.premises, lambda one: one.path in files)
    listed = "\n".join(f"-- {one.name}\n{_short(one.code)}" for one in helpful)
    return prompt + _HELPFUL.format(premises=listed) if listed else prompt


def feedback(code: str, answer: CommandResponse, best: Partial | None) -> str:
    """Return the feedback on a code that Lean does not accept."""
    said = ["Lean does not accept this proof."]
    errors = answer.errors
    lines = code.split("\n")
    for error in errors[:_MOST_ERRORS]:
        line = lines[error.pos.line - 1].strip() if 1 <= error.pos.line <= len(lines) else ""
        said.append(f"Line {error.pos.line}, `{line}`:\n{_short(error.data)}")
        goals = goals_at(answer.tactics, error)
        if goals and "⊢" not in error.data:
            said.append(f"The goals there:\n{_short(goals)}")
    if len(errors) > _MOST_ERRORS:
        said.append(f"There are {len(errors) - _MOST_ERRORS} more errors.")
    if not errors:
        goals = "\n\n".join(sorry.goal for sorry in answer.sorries)
        said.append(f"It has a `sorry` in it. What is open:\n{_short(goals)}")
    elif best is not None:
        said.append(f"This much stands, with `sorry` for what is open:\n```lean4\n{_short(best.code)}\n```")
        said.append("The open goals:\n" + _short("\n\n".join(best.goals)))
    said.append("Send the whole theorem again, with a complete proof.")
    return "\n\n".join(said)


def goals_at(tactics: tuple[TacticInfo, ...], error: Message) -> str | None:
    """Return the goals before the innermost tactic at an error."""
    place = (error.pos.line, error.pos.column)
    around = [
        t
        for t in tactics
        if (t.pos.line, t.pos.column) <= place <= (t.end_pos.line, t.end_pos.column) and t.goals
    ]
    return max(around, key=lambda t: (t.pos.line, t.pos.column)).goals if around else None


def _short(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else text[:_MOST_WORDS] + " …"


async def run_refinement(
    tools: ModelTools,
    problem: Problem,
    options: RefineOptions = RefineOptions(),
    *,
    listen: Callable[[RefineEvent], None] = lambda event: None,
    judge: Callable[[str], Awaitable[Judgement]] | None = None,
) -> Refinement:
    """Ask for a proof and for repairs, until the gate accepts one or the rounds are spent.

    Args:
        tools: the model, and the pool that checks and gates the answers.
        problem: the theorem to prove.
        options: of the chat.
        listen: receives the events.
        judge: replaces the gate where the answer belongs in a larger file.

    Raises:
        ModelFailure, BudgetSpent: the model did not answer.
        BrokenOriginal: the problem has errors of its own.
        PoolFull, PoolClosed: the pool took no work.
    """
    attempt = _Conversation(tools, problem, options, listen, judge)
    started = time.monotonic()
    rounds = 0
    while rounds < options.rounds and not attempt.accepted:
        rounds += 1
        await attempt.round()
    return Refinement(
        problem,
        rounds,
        attempt.code,
        attempt.judgement,
        attempt.unanswered,
        attempt.best,
        attempt.mended,
        attempt.usage,
        time.monotonic() - started,
    )


class _Conversation:
    """One chat."""

    def __init__(
        self,
        tools: ModelTools,
        problem: Problem,
        options: RefineOptions,
        listen: Callable[[RefineEvent], None],
        judge: Callable[[str], Awaitable[Judgement]] | None,
    ) -> None:
        self.tools, self.problem = tools, problem
        self.options, self.listen = options, listen
        self._judge = judge
        self.turns = [Turn(role="user", content=task(problem, options))]
        self.code: str | None = None
        self.judgement: Judgement | None = None
        self.unanswered: Outcome | None = None
        self.best: Partial | None = None
        self.mended = False
        self.usage = Usage()

    @property
    def accepted(self) -> bool:
        return self.judgement is not None and self.judgement.accepted

    async def round(self) -> None:
        """Ask for one answer and check it."""
        text = await self.ask()
        self.judgement = None
        code = code_of(final_text(text) or text, self.problem.name)
        if code is None or len(code) > MOST_CHARACTERS:
            return self.tell(text[:MOST_CHARACTERS], _NO_CODE if code is None else _TOO_LONG)
        self.code = code = self.problem.own(code)
        check = await self.tools.pool.check(
            code,
            header=self.problem.environment or None,
            priority=1,  # ahead of the searches of other attempts
            timeout=self.options.check_seconds,
            all_tactics=True,
        )
        answer = check.answer
        if not isinstance(answer, CommandResponse):
            self.unanswered = check.unanswered or Outcome.INFRASTRUCTURE
            reason = check.reason or (answer.message if answer else "")
            return self.tell(text, f"Lean gave no answer to this proof: {reason}. Send a simpler one.", check)
        if answer.has_errors or answer.sorries:
            await self.salvage(code, answer)
            if not self.accepted:
                self.tell(text, feedback(code, answer, self.best), check)
            return None
        self.listen(Checked(code, "", check.outcome, True, check.seconds))
        judgement = await self.judged(code)
        if not judgement.accepted:
            self.tell(
                text, f"Lean elaborates it, but it proves nothing: {judgement.reason}. Send another proof."
            )
        return None

    async def ask(self) -> str:
        """Return the model's answer to the chat."""
        options = self.options
        reply = await self.tools.client.chat(
            self.turns,
            Sampling(
                temperature=options.temperature,
                top_p=options.top_p,
                max_tokens=options.max_tokens,
                seed=options.seed,
            ),
        )
        sample = reply.samples[0]
        self.usage += reply.usage
        self.listen(Generated(sample.text, reply.usage, sample.finish, reply.seconds))
        return sample.text

    async def salvage(self, code: str, answer: CommandResponse) -> None:
        """Keep the part of a failed proof that holds; gate the proof if the search completes it."""
        options = self.options
        partial = await partial_of(self.tools.pool, self.problem, code, answer, options.check_seconds)
        if partial is None:
            return
        if options.search_seconds > 0:
            partial = await searched(
                self.tools.pool, self.tools.engine, self.problem, partial, options.search_seconds
            )
        if not partial.goals:
            judgement = await self.judged(partial.code)
            if judgement.accepted:
                self.code, self.mended = partial.code, True
            return
        if self.best is None or partial.worth > self.best.worth:
            self.best = partial
            self.listen(partial)

    async def judged(self, code: str) -> Judgement:
        """Run the gate on a code."""
        if self._judge is not None:
            judgement = await self._judge(code)
        else:
            judgement = await self.problem.judge(
                self.tools.pool, code, policy=self.options.policy, timeout=self.options.judge_seconds
            )
        self.judgement = judgement
        if judgement.outcome in (Outcome.TIMEOUT, Outcome.INFRASTRUCTURE):
            self.unanswered = judgement.outcome
        self.listen(judgement)
        return judgement

    def tell(self, text: str, feedback_text: str, check: Check | None = None) -> None:
        """Send feedback; the chat keeps only the last answer."""
        if check is not None:
            self.listen(Checked(self.code or "", feedback_text, check.outcome, False, check.seconds))
        else:
            self.listen(Checked("", feedback_text, "answered", False, 0.0))
        self.turns = [
            self.turns[0],
            Turn(role="assistant", content=text),
            Turn(role="user", content=feedback_text),
        ]
