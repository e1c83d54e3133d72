"""Sample proofs for reinforcement learning: the gate's verdict is the reward; canaries (false theorems) guard the gate."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.trajectory import TirOptions
from stepprove.gather import gather_or_cancel
from stepprove.lean_project.pool.backend import Lean
from stepprove.serving.serve.sampler import Sampler
from stepprove.train.rl.batches import Group
from stepprove.train.rl.rewards import reward, with_canaries
from stepprove.train.rl.rlvr import RlvrOptions, RoundSampler
from stepprove.train.rl.rollout import ProofRollout, roll


def reward_of(rollout: ProofRollout) -> float:
    """Return a rollout's reward: 1, 0, or NaN where unknown. Raises RewardHack when it proves a canary."""
    text = rollout.trajectory
    return reward(text.problem, text.outcome, text.answer)


def proofs(
    tokenizer: Any, pool: Lean, problems: Callable[[int], Sequence[Problem]], options: RlvrOptions
) -> RoundSampler:
    """Make a sampler of proofs.

    Args:
        tokenizer: the model's.
        pool: checks sketches and verifies proofs.
        problems: maps a round's number to its `options.problems` theorems.
        options: group size, lengths, time limits and seed.

    Returns:
        A sampler of rounds; it raises as `sample_round`.
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
    """Sample one batch: a group of proofs for each problem, and one attempt at each canary.

    Args:
        sampler: the model.
        tokenizer: the model's.
        pool: checks sketches and verifies proofs.
        problems: the batch's theorems.
        options: group size, lengths, time limits and seed.
        number: the batch's number, which with the seed fixes every sample.

    Returns:
        One group for each problem; canaries are in none.

    Raises:
        RewardHack: the gate accepted a proof of a canary.
        ReplFailure, PoolClosed, BrokenOriginal: from the pool.
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
    attempts = [problem for problem in problems for _ in range(options.group)]
    todo = with_canaries(attempts, options.canaries, rng)
    rollouts = await gather_or_cancel(
        roll(sampler, tokenizer, pool, problem, replace(tir, seed=rng.randrange(2**31))) for problem in todo
    )
    rewards = [reward_of(rollout) for rollout in rollouts]
    size = options.group
    return [
        Group(tuple(rollouts[i * size : (i + 1) * size]), tuple(rewards[i * size : (i + 1) * size]))
        for i in range(len(problems))
    ]
