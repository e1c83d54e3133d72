"""Rounds of proofs for reinforcement learning: the gate's word is the reward, and false theorems stand among the problems."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.stepfun import TirOptions
from stepprove.gather import gather_or_cancel
from stepprove.lean_project.pool.backend import Lean
from stepprove.serving.serve.batching import Sampler
from stepprove.train.rl.rewards import reward, with_canaries
from stepprove.train.rl.rlvr import Group, RlvrOptions, RoundSampler
from stepprove.train.rl.rollout import ProofRollout, roll


def reward_of(rollout: ProofRollout) -> float:
    """What a text earned by the gate's word, or by its sketches: 1, 0 or NaN. Raises RewardHack when it proves a canary."""
    text = rollout.trajectory
    return reward(text.problem, text.outcome, text.answer)


def proofs(
    tokenizer: Any, pool: Lean, problems: Callable[[int], Sequence[Problem]], options: RlvrOptions
) -> RoundSampler:
    """Rounds of proofs.

    Args:
        tokenizer: the model's.
        pool: where sketches and answers are judged.
        problems: those of a round, of its number: `options.problems` each time, the same when asked again.
        options: how.
    """

    async def sample(sampler: Sampler, number: int) -> list[Group]:
        return await sample_round(sampler, tokenizer, pool, problems(number), options, number)

    return sample


async def sample_round(
    sampler: Sampler,
    tokenizer: Any,
    pool: Lean,
    problems: Sequence[Problem],
    options: RlvrOptions,
    number: int,
) -> list[Group]:
    """The texts of wave `number`: a group for each problem, and the canaries, which earn nothing or stop everything.

    Raises:
        RewardHack: a false theorem was proved.
        ReplFailure, PoolClosed, BrokenOriginal: as the pool does.
    """
    tir = TirOptions(
        temperature=1.0,
        top_p=1.0,
        max_tokens=options.max_tokens,
        max_seq_len=options.max_tokens,
        max_turns=options.max_turns,
        check_seconds=options.check_seconds,
        judge_seconds=options.judge_seconds,
    )
    rng = random.Random(f"{options.seed}:{number}")
    asked = [problem for problem in problems for _ in range(options.group)]
    todo = with_canaries(asked, options.canaries, rng)
    done = await gather_or_cancel(
        roll(sampler, tokenizer, pool, problem, replace(tir, seed=rng.randrange(2**31))) for problem in todo
    )
    rewards = [reward_of(rollout) for rollout in done]
    size = options.group
    return [
        Group(tuple(done[i * size : (i + 1) * size]), tuple(rewards[i * size : (i + 1) * size]))
        for i in range(len(problems))
    ]
