"""The driver of tool-integrated reasoning: a model writes one growing text, Lean runs its sketches, the gate judges its answer.

`stepfun.py` has the protocol as pure functions.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from stepprove.agent.models.answer import code_of
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import (
    SKETCH_END,
    End,
    break_reason,
    build_prompt,
    feedback_of,
    final_text,
    generated_text,
    repl_block,
    sketch_of,
)
from stepprove.lean_project.gate.gate import Judgement, Policy
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.pool import unanswered
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.outcome import Outcome
from stepprove.serving.client.client import ModelRefused
from stepprove.serving.client.exchange import Completer, Reply, Sampling, Usage
from stepprove.serving.client.model_traits import traits_of

MOST_CHARACTERS = 1_000_000
"""Characters of a whole text, whatever its token count."""


def feedback_tokens(text: str) -> int:
    """Return an upper bound on the tokens of a Lean or JSON text in the usual vocabularies: half its ASCII characters, all
    its other bytes.
    """
    size = len(text.encode(errors="replace"))
    ascii_size = sum(letter.isascii() for letter in text)
    return ascii_size // 2 + 1 + size - ascii_size


@dataclass(frozen=True, slots=True)
class TirOptions:
    """The options of a trajectory; the defaults are the demo's."""

    temperature: float = 0.999
    top_p: float = 0.95
    top_k: int | None = None
    max_tokens: int = 16384
    """Tokens of one generation."""
    max_seq_len: int = 20480
    """Tokens of the whole text, prompt and feedback included; less if the server reports a smaller limit."""
    max_turns: int | None = None
    """The most sketches; None: as many as fit."""
    seed: int | None = None
    check_seconds: float = 60.0
    """Seconds for one sketch."""
    judge_seconds: float = 120.0
    """Seconds for each of the gate's calls."""
    policy: Policy = field(default_factory=Policy)
    count: Callable[[str], int] = feedback_tokens
    """Estimates the tokens of a text that the server has not counted; an overestimate is safer."""

    @classmethod
    def of(cls, model: str) -> Self:
        """Return the options for a model's name."""
        traits = traits_of(model)
        return cls(temperature=traits.temperature, max_seq_len=traits.max_seq_len)


@dataclass(frozen=True, slots=True)
class Generated:
    """One generation of the model."""

    text: str
    """With the `</sketch>` at its end."""
    usage: Usage
    finish: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A sketch, and Lean's feedback on it."""

    sketch: str
    feedback: str
    """Without the tags around it."""
    outcome: str
    """The pool's outcome: `answered`, `timeout`, `crashed` or `memory`."""
    clean: bool
    """Lean found no error and no `sorry` in it."""
    seconds: float


@dataclass(frozen=True, slots=True)
class TirTurn:
    """A generation, and the check of its sketch."""

    generated: Generated
    checked: Checked | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One growing text, from the prompt to its end."""

    problem: Problem
    prompt: str
    turns: tuple[TirTurn, ...]
    end: End
    judgement: Judgement | None
    """The gate's judgement on the answer; None without an answer."""
    usage: Usage
    """The sum over all requests; each counts its whole prompt."""
    tokens: int
    """Tokens of the whole text, as far as the server reported them."""
    seconds: float

    def segments(self) -> Iterator[tuple[str, bool]]:
        """Yield the text's pieces in order, each with whether the model wrote it; the prompt and Lean's feedback are not
        the model's.
        """
        yield self.prompt, False
        for turn in self.turns:
            yield turn.generated.text, True
            if turn.checked is not None:
                yield repl_block(turn.checked.feedback), False

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(piece for piece, _ in self.segments())

    @property
    def sketches(self) -> tuple[str, ...]:
        """The sketches that Lean ran."""
        return tuple(turn.checked.sketch for turn in self.turns if turn.checked is not None)

    @property
    def feedbacks(self) -> tuple[str, ...]:
        """Lean's feedback on each."""
        return tuple(turn.checked.feedback for turn in self.turns if turn.checked is not None)

    @property
    def final_text(self) -> str | None:
        """The model's text after its thoughts."""
        return final_text(self.turns[-1].generated.text) if self.end is End.FINISHED else None

    @property
    def answer(self) -> str | None:
        """The Lean code in the final text."""
        final = self.final_text
        return None if final is None else code_of(final, self.problem.name)

    @property
    def outcome(self) -> Outcome:
        """The gate's outcome; without an answer `failed`, unless Lean left a sketch unanswered: then nothing is known."""
        if self.judgement is not None:
            return self.judgement.outcome
        silent = [
            outcome
            for turn in self.turns
            if turn.checked is not None and (outcome := unanswered(turn.checked.outcome)) is not None
        ]
        return silent[-1] if silent else Outcome.FAILED

    @property
    def accepted(self) -> bool:
        """Whether the gate accepted the answer."""
        return self.judgement is not None and self.judgement.accepted


async def run_trajectory(
    client: Completer,
    pool: Lean,
    problem: Problem,
    options: TirOptions = TirOptions(),
    *,
    listen: Callable[[Generated | Checked | Judgement], None] = lambda event: None,
    judge: Callable[[str], Awaitable[Judgement]] | None = None,
) -> Trajectory:
    """Run the model on a problem until its text ends, and gate its answer.

    Args:
        client: the model.
        pool: runs the sketches and the gate.
        problem: the theorem to prove.
        options: of the trajectory.
        listen: receives each generation, check and the judgement.
        judge: replaces the gate where the answer belongs in a larger file.

    Raises:
        ModelFailure, BudgetSpent: the model did not answer, which decides nothing about the problem.
        BrokenOriginal: the problem has errors of its own.
        PoolFull, PoolClosed: the pool took no work.
    """
    started = time.monotonic()
    text = _GrowingText(client, pool, problem, options, listen)
    end = await text.grow()
    trajectory = Trajectory(
        problem,
        text.prompt,
        tuple(text.turns),
        end,
        None,
        text.usage,
        text.tokens,
        time.monotonic() - started,
    )
    answer = trajectory.answer
    if answer is None:
        return trajectory
    if judge is not None:
        judgement = await judge(answer)
    else:
        judgement = await problem.judge(pool, answer, policy=options.policy, timeout=options.judge_seconds)
    listen(judgement)
    return replace(trajectory, judgement=judgement, seconds=time.monotonic() - started)


class _GrowingText:
    """The text of one trajectory while the model writes it."""

    def __init__(
        self,
        client: Completer,
        pool: Lean,
        problem: Problem,
        options: TirOptions,
        listen: Callable[[Generated | Checked], None],
    ) -> None:
        self.client, self.pool, self.problem = client, pool, problem
        self.options, self.listen = options, listen
        self.prompt = self.text = build_prompt(problem)
        self.turns: list[TirTurn] = []
        self.usage = Usage()
        self.tokens = options.count(self.text)

    async def grow(self) -> End:
        """Have the model write and Lean check until there is a reason to end."""
        stop_ids = traits_of(await self.client.model()).stop_ids
        most = self.options.max_seq_len
        longest = min(most, await self.client.context_length() or most)
        while True:
            room = min(self.options.max_tokens, longest - self.tokens)
            if room <= 0 or len(self.text) > MOST_CHARACTERS:
                return End.CONTEXT
            try:
                reply = await self.client.complete(self.text, self._sampling(room, stop_ids))
            except ModelRefused as refused:
                if not self.turns or "tokens" not in str(refused):
                    raise
                return End.CONTEXT  # the text exceeds a context limit that the server did not report
            if (end := await self._take(reply, longest)) is not None:
                return end

    def _sampling(self, room: int, stop_ids: tuple[int, ...]) -> Sampling:
        options = self.options
        return Sampling(
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            max_tokens=room,
            stop=(SKETCH_END,),
            stop_token_ids=stop_ids,
            seed=options.seed,
        )

    async def _take(self, reply: Reply, longest: int) -> End | None:
        """Append a generation and Lean's answer to its sketch; return the reason to end, if there is one."""
        sample = reply.samples[0]
        chunk, at_sketch = generated_text(sample)
        generated = Generated(chunk, reply.usage, sample.finish, reply.seconds)
        self.listen(generated)
        self.text += chunk
        self.usage += reply.usage
        self.tokens = reply.usage.tokens or self.options.count(self.text)
        end = break_reason(sample.finish, self.tokens, longest, at_sketch, chunk)
        most = self.options.max_turns
        if end is None and most is not None and len(self.turns) >= most:
            end = End.TURNS
        if end is not None:
            self.turns.append(TirTurn(generated))
            return end
        checked = await self._check(sketch_of(chunk, self.problem.header, self.problem.context_shown))
        self.listen(checked)
        self.turns.append(TirTurn(generated, checked))
        block = repl_block(checked.feedback)
        self.text += block
        self.tokens += self.options.count(block)
        return None

    async def _check(self, sketch: str) -> Checked:
        """Run a sketch in the problem's environment."""
        header = self.problem.environment or None
        check = await self.pool.check(sketch, header=header, timeout=self.options.check_seconds)
        answer = check.answer
        clean = isinstance(answer, CommandResponse) and not answer.has_errors and not answer.sorries
        return Checked(sketch, feedback_of(check), check.outcome, clean, check.seconds)
