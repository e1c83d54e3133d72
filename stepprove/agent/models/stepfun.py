"""Tool-integrated reasoning as in StepFun-Prover Preview (arXiv 2507.20199; protocol of its public demo).

The model writes one growing text. After each `</sketch>` Lean runs the sketch, and the loop appends Lean's answer between
`<REPL>` and `</REPL>`; then the model continues. The text after `</think>` is the model's proof, and the trust gate alone
decides it. The functions that build the text are pure, and training data is built with the same ones.

Three things differ from the demo. Proof states in the feedback are numbered from 0, so that the same sketch gets the same
feedback in any engine. A generation gets at most the tokens that the context still has. If a server does not report its stop
string and a sketch is open, the stop string was `</sketch>`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from stepprove.agent.models.answer import code_of, without_beginning
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.traits import SKETCH_END_ID, traits_of
from stepprove.lean_project.gate.gate import Judgement, Policy
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.pool import Check, unanswered
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.source.lexer import tokenize
from stepprove.outcome import Outcome
from stepprove.serving.client.client import ModelRefused
from stepprove.serving.client.exchange import Completer, Sample, Sampling, Usage

SYSTEM_PROMPT = (
    "You will be given an unsolved Lean 4 problem. Think carefully and work towards a solution. "
    "At any point, you may use the Lean 4 REPL to check your progress by enclosing your partial solution "
    "between <sketch> and </sketch>. The REPL feedback will be provided between <REPL> and </REPL>. "
    "Continue this process as needed until you arrive at a complete and correct solution."
)
BEGIN, END = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
THINK, THINK_END = "<think>", "</think>"
SKETCH, SKETCH_END = "<sketch>", "</sketch>"
REPL, REPL_END = "\n<REPL>\n", "\n</REPL>"

_MOST_CHARACTERS = 1_000_000
"""Characters of a whole text, whatever its token count."""


class End(StrEnum):
    """The reason that a trajectory ended, in the order of the checks."""

    CUT = "cut"
    """A generation hit its token limit, or the server stopped it."""
    CONTEXT = "context"
    """The context is full."""
    FORMAT = "format"
    """`</sketch>` without `<sketch>`."""
    FINISHED = "finished"
    """The model ended its text."""
    TURNS = "turns"
    """The limit of sketches (`max_turns`) is reached."""


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


# The protocol.


def formal_problem(problem: Problem) -> str:
    """Return the problem's text for the prompt, without a final `sorry`, so that it ends in `:= by`."""
    text = problem.shown.strip()
    tokens = tokenize(text)
    words = [token.text for token in tokens[-2:]]
    if words == ["by", "sorry"]:
        return text[: tokens[-1].start].rstrip()
    if words == [":=", "sorry"]:
        return text[: tokens[-1].start].rstrip() + " by"
    return text


def user_prompt(problem: Problem) -> str:
    """Return the user's turn."""
    return f"```lean4\n{formal_problem(problem)}\n```"


def build_prompt(problem: Problem) -> str:
    """Return the prompt: system and user turn in the template of DeepSeek-R1-Distill-Qwen."""
    user = user_prompt(problem)
    return f"{BEGIN}{SYSTEM_PROMPT}{USER}{user}{ASSISTANT}{THINK}\n"


def generated_text(sample: Sample) -> tuple[str, bool]:
    """Return a generation's text, with its final `</sketch>`, and whether it stopped there."""
    text = sample.text
    if text.endswith(SKETCH_END):
        return text, True
    reported = sample.stopped_by in (SKETCH_END, SKETCH_END_ID)
    unsaid = sample.finish == "stop" and not sample.stop_told and text.rfind(SKETCH) > text.rfind(SKETCH_END)
    return (text + SKETCH_END, True) if reported or unsaid else (text, False)


def break_reason(
    finish: str, tokens: int, max_seq_len: int, stopped_at_sketch: bool, text: str
) -> End | None:
    """Return the reason to end a trajectory after a generation; None to run its sketch. The protocol fixes the order."""
    if finish != "stop":
        return End.CUT
    if tokens >= max_seq_len:
        return End.CONTEXT
    if stopped_at_sketch:
        return None if SKETCH in text else End.FORMAT
    return End.FINISHED


def sketch_of(text: str, header: str = "", context: str = "") -> str:
    """Return the Lean code of a generation's first sketch, without the imports and context of its environment.

    Args:
        text: the generation.
        header: the problem's imports; `import Mathlib` is always left out, as in the demo.
        context: left out if the sketch begins with it.
    """
    start = text.find(SKETCH) + len(SKETCH)
    sketch = text[start : text.find(SKETCH_END)]
    for line in sorted({line.strip() for line in header.splitlines()}, key=len, reverse=True):
        if line.startswith("import "):
            sketch = sketch.replace(line, "")
    return without_beginning(sketch.replace("import Mathlib", "").strip(), context)


def feedback_of(check: Check) -> str:
    """Return the feedback on a check: the REPL's JSON without its `env`, or the reason for no answer."""
    if check.outcome == "timeout":
        return f"repl cannot return status in {check.seconds} seconds!"
    if check.answer is None:
        return _json({"repl_err": check.reason or ""})
    return answer_text(check.answer)


def answer_text(answer: CommandResponse | ErrorResponse) -> str:
    """Return a REPL's answer without its `env`, its keys in the REPL's order."""
    wire = answer.to_wire()
    wire.pop("env", None)
    for number, sorry in enumerate(each for each in wire.get("sorries", ()) if "proofState" in each):
        sorry["proofState"] = number
    return _json(_in_repl_order(wire))


def _in_repl_order(value: Any) -> Any:
    """Sort the fields of each object from Z to A, as Lean prints them."""
    if isinstance(value, dict):
        return {key: _in_repl_order(value[key]) for key in sorted(value, reverse=True)}
    return [_in_repl_order(item) for item in value] if isinstance(value, list | tuple) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def repl_block(feedback: str) -> str:
    """Return feedback in its tags, ready to append."""
    return f"{REPL}{feedback}{REPL_END}"


def final_text(text: str) -> str | None:
    """Return the text after the last `</think>`; None if the thoughts never end."""
    _, end, final = text.rpartition(THINK_END)
    return final.strip() if end else None


# The driver.


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
    ids = traits_of(await client.model()).stop_ids
    longest = min(options.max_seq_len, await client.context_length() or options.max_seq_len)
    prompt = text = build_prompt(problem)
    turns: list[TirTurn] = []
    usage = Usage()
    tokens = options.count(text)
    while True:
        room = min(options.max_tokens, longest - tokens)
        if room <= 0 or len(text) > _MOST_CHARACTERS:
            end = End.CONTEXT
            break
        sampling = Sampling(
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            max_tokens=room,
            stop=(SKETCH_END,),
            stop_token_ids=ids,
            seed=options.seed,
        )
        try:
            reply = await client.complete(text, sampling)
        except ModelRefused as refused:
            if not turns or "tokens" not in str(refused):
                raise
            end = End.CONTEXT  # the text exceeds a context limit that the server did not report
            break
        sample = reply.samples[0]
        chunk, at_sketch = generated_text(sample)
        generated = Generated(chunk, reply.usage, sample.finish, reply.seconds)
        listen(generated)
        text += chunk
        usage += reply.usage
        tokens = reply.usage.tokens or options.count(text)
        reason = break_reason(sample.finish, tokens, longest, at_sketch, chunk)
        if reason is None and options.max_turns is not None and len(turns) >= options.max_turns:
            reason = End.TURNS
        if reason is not None:
            turns.append(TirTurn(generated))
            end = reason
            break
        checked = await _check(
            pool, problem, sketch_of(chunk, problem.header, problem.context_shown), options
        )
        listen(checked)
        turns.append(TirTurn(generated, checked))
        block = repl_block(checked.feedback)
        text += block
        tokens += options.count(block)
    trajectory = Trajectory(
        problem, prompt, tuple(turns), end, None, usage, tokens, time.monotonic() - started
    )
    answer = trajectory.answer
    if answer is None:
        return trajectory
    if judge is not None:
        judgement = await judge(answer)
    else:
        judgement = await problem.judge(pool, answer, policy=options.policy, timeout=options.judge_seconds)
    listen(judgement)
    return Trajectory(
        problem, prompt, tuple(turns), end, judgement, usage, tokens, time.monotonic() - started
    )


async def _check(pool: Lean, problem: Problem, sketch: str, options: TirOptions) -> Checked:
    """Run a sketch in the problem's environment."""
    check = await pool.check(sketch, header=problem.environment or None, timeout=options.check_seconds)
    answer = check.answer
    clean = isinstance(answer, CommandResponse) and not answer.has_errors and not answer.sorries
    return Checked(sketch, feedback_of(check), check.outcome, clean, check.seconds)
