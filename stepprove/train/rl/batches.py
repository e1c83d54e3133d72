"""The rollouts of a round as tensors with advantages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stepprove.train.methods.control_variates import learned_baseline
from stepprove.train.methods.options import NO_METHODS, RlvrMethods
from stepprove.train.rl.losses import (
    group_advantages,
    has_signal,
)
from stepprove.train.rl.options import RlvrOptions as RlvrOptions
from stepprove.train.rl.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Group:
    """The rollouts of one problem and their rewards (NaN: unknown)."""

    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...]


def informative_groups(rewards: Sequence[Sequence[float]]) -> int:
    """Count the groups with mixed rewards.

    Args:
        rewards: each group's rewards, NaN where unknown.
    """
    return sum(bool(has_signal(torch.tensor(group), len(group))[0]) for group in rewards)


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as tensors [B, T], padded on the right."""

    ids: Tensor
    mask: Tensor
    """1 for tokens that the model wrote."""
    sampled: Tensor
    """Log-probabilities when sampled; 0 where the mask is 0."""
    advantages: Tensor
    """[B]."""

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def batches(
    groups: Sequence[Group], options: RlvrOptions, pad: int, methods: RlvrMethods = NO_METHODS
) -> list[Batch]:
    """Batch the texts of groups with a learning signal, sorted by length; texts with an unknown reward are left out.

    Args:
        groups: the round's groups.
        options: `batch_tokens`, `group` and `scale_rewards`.
        pad: the padding token's id.
        methods: the baseline.

    Returns:
        Batches of at most `batch_tokens` tokens, padding included, but of at least one text.
    """
    rows: list[tuple[Rollout, float]] = []
    learned = methods.baseline == "learned"
    per_group = (
        _learned_advantages(groups, options) if learned else [_group_advantages(g, options) for g in groups]
    )
    for group, advantages in zip(groups, per_group, strict=True):
        if advantages is None:
            continue
        rows += [
            (rollout, advantage)
            for rollout, advantage, reward in zip(group.rollouts, advantages, group.rewards, strict=True)
            if reward == reward and any(rollout.own)
        ]
    rows.sort(key=lambda row: len(row[0].ids))
    parts: list[list[tuple[Rollout, float]]] = []
    for row in rows:
        if not parts or (len(parts[-1]) + 1) * len(row[0].ids) > options.batch_tokens:
            parts.append([])
        parts[-1].append(row)
    return [_batch(part, pad) for part in parts]


def _group_advantages(group: Group, options: RlvrOptions) -> list[float] | None:
    """Advantages within a group; None where all rewards are alike."""
    rewards = torch.tensor(group.rewards)
    if not bool(has_signal(rewards, len(group.rewards))[0]):
        return None
    return group_advantages(rewards, len(group.rewards), scale=options.scale_rewards).tolist()


def _learned_advantages(groups: Sequence[Group], options: RlvrOptions) -> list[list[float] | None]:
    """Advantages over a baseline learned from the round's other groups; None for short groups, and where all are alike."""
    full = [place for place, group in enumerate(groups) if len(group.rewards) == options.group]
    result: list[list[float] | None] = [None] * len(groups)
    rewards = torch.tensor([groups[place].rewards for place in full])
    if not full or not bool(has_signal(rewards.flatten(), rewards.numel())[0]):
        return result
    advantages = rewards - learned_baseline(rewards)
    if options.scale_rewards:
        advantages = advantages / (advantages[~rewards.isnan()].std() + 1e-4)
    for place, row in zip(full, advantages.nan_to_num(0.0).tolist(), strict=True):
        result[place] = row
    return result


def _batch(rows: Sequence[tuple[Rollout, float]], pad: int) -> Batch:
    width = max(len(rollout.ids) for rollout, _ in rows)

    def padded(values: Sequence[float], fill: float) -> list[float]:
        return [*values, *[fill] * (width - len(values))]

    return Batch(
        ids=torch.tensor([padded(rollout.ids, pad) for rollout, _ in rows], dtype=torch.long),
        mask=torch.tensor([padded(rollout.own, 0) for rollout, _ in rows], dtype=torch.float32),
        sampled=torch.tensor([padded(rollout.log_probs, 0.0) for rollout, _ in rows]).nan_to_num(0.0),
        advantages=torch.tensor([advantage for _, advantage in rows]),
    )
