"""Rounds of statements for reinforcement learning, and the same judge for an evaluation: BEq with the statement that was meant.

A statement earns 1 when BEq shows it to say the same, 0 when it does not, and nothing (NaN) when Lean could not tell in time.
In each round stands an answer that is known to be wrong; should it be called the same, the judge can be fooled.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from stepprove.faults import fault_told
from stepprove.formalizer.checks import Checks, NoLean
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.equivalence.scoring import Scored
from stepprove.formalizer.prompts import THEOREM_NAME
from stepprove.formalizer.statement import Statement, read_statement
from stepprove.gather import gather_or_cancel
from stepprove.serving.client.exchange import Sampling
from stepprove.serving.serve.batching import Sampler
from stepprove.train.rl.rewards import UNKNOWN
from stepprove.train.rl.rlvr import Group, RlvrOptions, RoundSampler
from stepprove.train.rl.rollout import Rollout, Writer

_EARNED = {"equivalent": 1.0, "not shown": 0.0, "refused": 0.0, "unknown": UNKNOWN}
_DECOYS = (
    ("(n : Nat) : n + 0 = n", "(n : Nat) : True"),
    ("(a b : Nat) : a + b = b + a", "(a : Nat) : a + a = a + a"),
    ("(n : Nat) (h : 3 < n) : 2 < n", "(n : Nat) (h : n < n) : 2 < n"),
    ("(n : Int) : 0 ≤ n * n", "(n : Int) (h : 0 ≤ n) : 0 ≤ n * n"),
    ("(P Q : Prop) (h : P ∧ Q) : P", "(P Q : Prop) (h : P) : P"),
    ("(n : Nat) (h : n % 2 = 0) : (n + 1) % 2 = 1", "(n : Nat) (h : n % 4 = 0) : (n + 1) % 2 = 1"),
)
"""What is meant, and what says something else."""


@dataclass(frozen=True, slots=True)
class InformalProblem:
    """A problem as the model is given it, and the statement that is meant."""

    prompt: str
    truth: Statement


@dataclass(frozen=True)
class StatementRollout(Rollout):
    """An answer, and what became of it."""

    text: str
    scored: Scored


class FooledJudge(Exception):
    """A wrong statement was called the same as the right one. Training must not go on."""


@dataclass(frozen=True, slots=True)
class BeqJudge:
    """Compares answers with what was meant."""

    lean: Checks
    method: Method = "beq"

    async def __call__(self, answer: str, truth: Statement) -> Scored:
        """Compare one."""
        try:
            return await self.lean.score(answer, truth, "", self.method)
        except NoLean as failure:
            return Scored(outcome="unknown", reason=str(failure))
        except Exception as fault:
            return Scored(
                outcome="unknown", reason=fault_told(fault, "an answer compared with what was meant")
            )


def truth_of(lean: str) -> Statement:
    """The statement of a theorem's binders and claim."""
    return read_statement(f"theorem {THEOREM_NAME} {lean} := by sorry")


async def write(
    sampler: Sampler,
    tokenizer: Any,
    judge: BeqJudge,
    asked: InformalProblem,
    sampling: Sampling,
) -> StatementRollout:
    """Let the model answer once, and judge the answer."""
    writer = Writer(sampler, tokenizer)
    reply = await writer.complete(asked.prompt, sampling)
    (sample,) = reply.samples
    started = time.monotonic()
    scored = await judge(sample.text, asked.truth)
    return StatementRollout(
        ids=tuple(writer.ids),
        log_probs=tuple(writer.log_probs),
        truncated=sample.finish == "length",
        checks=1,
        lean_seconds=time.monotonic() - started,
        text=sample.text,
        scored=scored,
    )


def statements(
    tokenizer: Any,
    judge: BeqJudge,
    problems: Callable[[int], Sequence[InformalProblem]],
    options: RlvrOptions,
) -> RoundSampler:
    """Rounds of statements: a group for each problem of `problems`, of the round's number.

    The sampler raises FooledJudge, and what the pool raises.
    """

    async def sample(sampler: Sampler, number: int) -> list[Group]:
        asked = problems(number)
        rng = random.Random(f"{options.seed}:{number}")
        work: list[Coroutine[Any, Any, StatementRollout | None]] = [_refuse_decoy(judge, rng.choice(_DECOYS))]
        work += [
            write(sampler, tokenizer, judge, one, _sampling(options, rng))
            for one in asked
            for _ in range(options.group)
        ]
        done = [text for text in await gather_or_cancel(work) if text is not None]
        groups = (tuple(done[i : i + options.group]) for i in range(0, len(done), options.group))
        return [Group(group, tuple(_EARNED[each.scored.outcome] for each in group)) for group in groups]

    return sample


def _sampling(options: RlvrOptions, rng: random.Random) -> Sampling:
    return Sampling(temperature=1.0, max_tokens=options.max_tokens, seed=rng.randrange(2**31))


async def _refuse_decoy(judge: BeqJudge, decoy: tuple[str, str]) -> None:
    meant, said = decoy
    scored = await judge(f"theorem {THEOREM_NAME} {said} := by sorry", truth_of(meant))
    if scored.outcome == "equivalent":
        raise FooledJudge(f"`{said}` was called the same as `{meant}`.")


@dataclass(frozen=True, slots=True)
class FormalizerScore:
    """Answers counted. Those of which Lean could not tell are in no rate."""

    problems: int
    samples: int
    beq_1: float
    """Mean over problems of the share of answers that say what was meant."""
    margin: float
    """Half of a 95 % interval of it, over problems."""
    beq_k: float
    """Share of problems for which some answer does; k is `samples`."""
    typecheck_1: float
    """Mean share of answers that Lean accepts as statements."""
    unknown: int
    tokens: float
    """Mean of an answer."""


async def evaluate(
    sampler: Sampler,
    tokenizer: Any,
    judge: BeqJudge,
    problems: Sequence[InformalProblem],
    *,
    samples: int = 4,
    max_tokens: int = 320,
    seed: int = 0,
) -> FormalizerScore:
    """Ask every problem `samples` times, at StepFun-Formalizer's temperature 0.6 and top-p 0.95. Raises as the pool does."""
    done = await gather_or_cancel(
        write(
            sampler,
            tokenizer,
            judge,
            one,
            Sampling(temperature=0.6, top_p=0.95, max_tokens=max_tokens, seed=seed + 1000 * place + sample),
        )
        for place, one in enumerate(problems)
        for sample in range(samples)
    )
    return counted([done[i : i + samples] for i in range(0, len(done), samples)])


def counted(answers: Sequence[Sequence[StatementRollout]]) -> FormalizerScore:
    """Count the answers, problem by problem."""
    known = [[each for each in group if each.scored.outcome != "unknown"] for group in answers]
    rates = [sum(e.scored.outcome == "equivalent" for e in group) / len(group) for group in known if group]
    read = [sum(e.scored.statement is not None for e in group) / len(group) for group in known if group]
    count = len(rates)
    mean = sum(rates) / count if count else 0.0
    variance = sum((rate - mean) ** 2 for rate in rates) / (count - 1) if count > 1 else 0.0
    everything = [each for group in answers for each in group]
    return FormalizerScore(
        problems=count,
        samples=max((len(group) for group in answers), default=0),
        beq_1=mean,
        margin=1.96 * (variance / count) ** 0.5 if count else 0.0,
        beq_k=sum(rate > 0 for rate in rates) / count if count else 0.0,
        typecheck_1=sum(read) / count if count else 0.0,
        unknown=sum(each.scored.outcome == "unknown" for each in everything),
        tokens=sum(sum(each.own) for each in everything) / max(1, len(everything)),
    )
