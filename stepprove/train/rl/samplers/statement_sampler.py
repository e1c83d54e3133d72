"""Sample statements for reinforcement learning and evaluation: the reward is BEq equivalence with the true statement.

An equivalent statement earns 1, another one 0; NaN where Lean timed out. Each round also judges a decoy, a statement known
to be wrong; if BEq accepts it, training stops.
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
from stepprove.serving.serve.sampler import Sampler
from stepprove.train.rl.batches import Group
from stepprove.train.rl.rewards import UNKNOWN
from stepprove.train.rl.rlvr import RlvrOptions, RoundSampler
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
"""Pairs of a true statement and one that is not equivalent."""


@dataclass(frozen=True, slots=True)
class PromptedStatement:
    """A prompt for an informal problem, and its true statement."""

    prompt: str
    truth: Statement


@dataclass(frozen=True)
class StatementRollout(Rollout):
    """A sampled statement and its BEq score."""

    text: str
    scored: Scored


class FooledJudge(Exception):
    """BEq accepted a decoy; training must stop."""


@dataclass(frozen=True, slots=True)
class BeqJudge:
    """Compares answers with true statements by BEq."""

    lean: Checks
    method: Method = "beq"

    async def __call__(self, answer: str, truth: Statement) -> Scored:
        """Score one answer.

        Args:
            answer: the model's text.
            truth: the true statement.

        Returns:
            The score; its outcome is `unknown` when Lean or our own code failed.
        """
        try:
            return await self.lean.score(answer, truth, "", self.method)
        except NoLean as failure:
            return Scored(outcome="unknown", reason=str(failure))
        except Exception as fault:
            return Scored(
                outcome="unknown", reason=fault_told(fault, "an answer compared with what was meant")
            )


def truth_of(lean: str) -> Statement:
    """Parse binders and claim, such as `(n : Nat) : n = n`, into a statement."""
    return read_statement(f"theorem {THEOREM_NAME} {lean} := by sorry")


async def write(
    sampler: Sampler,
    tokenizer: Any,
    judge: BeqJudge,
    problem: PromptedStatement,
    sampling: Sampling,
) -> StatementRollout:
    """Sample one statement and judge it.

    Args:
        sampler: the model.
        tokenizer: the model's.
        judge: scores the answer.
        problem: the prompt and the true statement.
        sampling: temperature, length and seed.
    """
    writer = Writer(sampler, tokenizer)
    reply = await writer.complete(problem.prompt, sampling)
    (sample,) = reply.samples
    started = time.monotonic()
    scored = await judge(sample.text, problem.truth)
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
    problems: Callable[[int], Sequence[PromptedStatement]],
    options: RlvrOptions,
) -> RoundSampler:
    """Make a sampler of statements.

    Args:
        tokenizer: the model's.
        judge: scores the answers.
        problems: maps a round's number to its problems.
        options: group size, length and seed.

    Returns:
        A sampler of rounds, one group for each problem; it raises FooledJudge and the pool's exceptions.
    """

    async def sample(sampler: Sampler, number: int) -> list[Group]:
        rng = random.Random(f"{options.seed}:{number}")
        work: list[Coroutine[Any, Any, StatementRollout | None]] = [_refuse_decoy(judge, rng.choice(_DECOYS))]
        work += [
            write(sampler, tokenizer, judge, problem, _sampling(options, rng))
            for problem in problems(number)
            for _ in range(options.group)
        ]
        rollouts = [rollout for rollout in await gather_or_cancel(work) if rollout is not None]
        groups = (tuple(rollouts[i : i + options.group]) for i in range(0, len(rollouts), options.group))
        return [Group(group, tuple(_EARNED[rollout.scored.outcome] for rollout in group)) for group in groups]

    return sample


def _sampling(options: RlvrOptions, rng: random.Random) -> Sampling:
    return Sampling(temperature=1.0, max_tokens=options.max_tokens, seed=rng.randrange(2**31))


async def _refuse_decoy(judge: BeqJudge, decoy: tuple[str, str]) -> None:
    truth, wrong = decoy
    scored = await judge(f"theorem {THEOREM_NAME} {wrong} := by sorry", truth_of(truth))
    if scored.outcome == "equivalent":
        raise FooledJudge(f"`{wrong}` was called the same as `{truth}`.")


@dataclass(frozen=True, slots=True)
class FormalizerScore:
    """A formalizer's rates; answers without a verdict are in none."""

    problems: int
    samples: int
    beq_1: float
    """Mean over problems of the share of equivalent answers."""
    margin: float
    """Half the width of the 95 % interval of `beq_1`, over problems."""
    beq_k: float
    """Share of problems with an equivalent answer; k is `samples`."""
    typecheck_1: float
    """Mean over problems of the share of answers that elaborate as statements."""
    unknown: int
    tokens: float
    """Mean number of tokens in an answer."""


async def evaluate(
    sampler: Sampler,
    tokenizer: Any,
    judge: BeqJudge,
    problems: Sequence[PromptedStatement],
    *,
    samples: int = 4,
    max_tokens: int = 320,
    seed: int = 0,
) -> FormalizerScore:
    """Measure a formalizer at StepFun-Formalizer's temperature 0.6 and top-p 0.95 (arXiv 2508.04440).

    Args:
        sampler: the model.
        tokenizer: the model's.
        judge: scores the answers.
        problems: prompts with true statements.
        samples: answers to each problem.
        max_tokens: of an answer.
        seed: of the first sample.

    Raises:
        Exceptions of the pool.
    """
    done = await gather_or_cancel(
        write(
            sampler,
            tokenizer,
            judge,
            problem,
            Sampling(temperature=0.6, top_p=0.95, max_tokens=max_tokens, seed=seed + 1000 * place + sample),
        )
        for place, problem in enumerate(problems)
        for sample in range(samples)
    )
    return counted([done[i : i + samples] for i in range(0, len(done), samples)])


def counted(answers: Sequence[Sequence[StatementRollout]]) -> FormalizerScore:
    """Count answers into rates, problem by problem."""
    judged = [[answer for answer in group if answer.scored.outcome != "unknown"] for group in answers]
    rates = [sum(e.scored.outcome == "equivalent" for e in group) / len(group) for group in judged if group]
    read = [sum(e.scored.statement is not None for e in group) / len(group) for group in judged if group]
    count = len(rates)
    mean = sum(rates) / count if count else 0.0
    variance = sum((rate - mean) ** 2 for rate in rates) / (count - 1) if count > 1 else 0.0
    everything = [answer for group in answers for answer in group]
    return FormalizerScore(
        problems=count,
        samples=max((len(group) for group in answers), default=0),
        beq_1=mean,
        margin=1.96 * (variance / count) ** 0.5 if count else 0.0,
        beq_k=sum(rate > 0 for rate in rates) / count if count else 0.0,
        typecheck_1=sum(read) / count if count else 0.0,
        unknown=sum(answer.scored.outcome == "unknown" for answer in everything),
        tokens=sum(sum(answer.own) for answer in everything) / max(1, len(everything)),
    )
