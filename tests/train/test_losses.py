"""The losses of reinforcement learning against numbers worked out by hand, and against TRL's where it has the same."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nan, tensor

from stepprove.train.rl.losses import (
    TrustBounds,
    average,
    clipped_loss,
    group_advantages,
    has_signal,
    mis_po_loss,
    trusted,
)


def close(found: Tensor, wanted: Any, within: float = 1e-4) -> bool:
    return bool(torch.allclose(found, torch.as_tensor(wanted, dtype=found.dtype), atol=within))


def test_advantages_by_hand() -> None:
    # group 1: mean 1/4, deviation sqrt((3 * 1/16 + 9/16) / 3) = 1/2; group 2: all alike
    found = group_advantages(tensor([1.0, 0, 0, 0, 1, 1, 1, 1]), 4)
    assert close(found, [1.5, -0.5, -0.5, -0.5, 0, 0, 0, 0], 1e-3)
    assert close(group_advantages(tensor([1.0, 0, 0, 0]), 4, scale=False), [0.75, -0.25, -0.25, -0.25])


def test_a_reward_that_is_not_known_is_no_zero() -> None:
    assert close(
        group_advantages(tensor([1.0, nan, 0.0, nan]), 4), [1 / math.sqrt(2), 0, -1 / math.sqrt(2), 0], 1e-3
    )
    assert close(group_advantages(tensor([1.0, nan, nan, nan]), 4), [0, 0, 0, 0])


@given(st.lists(st.sampled_from([0.0, 1.0, nan]), min_size=8, max_size=8))
def test_advantages_of_a_group_sum_to_nothing(rewards: list[float]) -> None:
    assert close(group_advantages(tensor(rewards), 4).reshape(2, 4).sum(1), [0.0, 0.0])


def test_dynamic_sampling_keeps_groups_that_neither_all_succeed_nor_all_fail() -> None:
    rewards = tensor([1.0, 1, 0, 0, 1, 0, 1, nan, 0, nan, nan, nan])
    assert has_signal(rewards, 2).tolist() == [False, False, True, False, False, False]


def test_rewards_that_fill_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="5 rewards are not groups of 2"):
        has_signal(torch.zeros(5), 2)


def test_tokens_count_alike_or_texts_do() -> None:
    values, mask = tensor([[1.0, 9, 9], [2, 2, 2]]), tensor([[1.0, 0, 0], [1, 1, 1]])
    assert float(average(values, mask, "token")) == 7 / 4
    assert float(average(values, mask, "text")) == 3 / 2
    assert float(average(values, torch.zeros(2, 3), "text")) == 0.0


def test_the_clipped_loss_by_hand() -> None:
    ratio = tensor([[1.5, 0.5]])
    old = torch.zeros(1, 2)
    mask = torch.ones(1, 2)
    # gain: min(1.5, 1.2) and min(0.5, 0.8), mean 0.85; with advantage -1: min(-1.5, -1.2), min(-0.5, -0.8), mean -1.15
    assert close(clipped_loss(ratio.log(), old, tensor([1.0]), mask), -0.85)
    assert close(clipped_loss(ratio.log(), old, tensor([-1.0]), mask), 1.15)
    assert close(clipped_loss(ratio.log(), old, tensor([1.0]), mask, high=0.28), -0.89)


def test_mis_po_masks_tokens_and_texts_by_hand() -> None:
    sampled = torch.zeros(3, 2)
    old = tensor([[2.5, 0.4], [1.0, 1.0], [1.1, 1.1]]).log()
    mask = torch.ones(3, 2)
    # text 1: geometric mean 1.0, both tokens out; text 2: all in; text 3: mean 1.1, out
    assert trusted(old, sampled, mask).tolist() == [[0, 0], [1, 1], [0, 0]]
    wide = TrustBounds(text_low=0.5, text_high=2.0)
    assert trusted(old, sampled, mask, wide).tolist() == [[0, 0], [1, 1], [1, 1]]
    assert trusted(old, sampled, tensor([[1.0, 1], [1, 0], [1, 1]]), wide)[1].tolist() == [1, 0]


def test_the_mis_po_loss_by_hand() -> None:
    log_probs = tensor([[-1.0, -2.0], [-3.0, -4.0]])
    mask, kept = torch.ones(2, 2), tensor([[1.0, 0], [1, 1]])
    # -(1 * 2 * -1 + (-1) * (-3 - 4)) / 4
    assert close(mis_po_loss(log_probs, tensor([2.0, -1.0]), mask, kept), -5 / 4)


def test_what_is_not_trusted_has_no_gradient() -> None:
    log_probs = torch.full((1, 2), -1.0, requires_grad=True)
    mis_po_loss(log_probs, tensor([1.0]), torch.ones(1, 2), tensor([[1.0, 0.0]])).backward()  # type: ignore[no-untyped-call]
    assert log_probs.grad is not None and log_probs.grad.tolist() == [[-0.5, 0.0]]


@pytest.mark.parametrize(
    ("kind", "over", "high"), [("grpo", "text", 0.2), ("bnpo", "token", 0.2), ("dapo", "token", 0.28)]
)
def test_the_clipped_loss_is_trls(kind: str, over: Any, high: float) -> None:
    grpo_trainer = pytest.importorskip("trl.trainer.grpo_trainer", reason="TRL is not installed")
    rng = torch.Generator().manual_seed(0)
    log_probs = -torch.rand(4, 6, generator=rng)
    old = log_probs + 0.5 * torch.randn(4, 6, generator=rng)
    mask = (torch.rand(4, 6, generator=rng) < 0.7).long()
    mask[:, 0] = 1
    advantages = torch.randn(4, generator=rng)
    trainer = MagicMock(
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=0.0,
        loss_type=kind,
        epsilon_low=0.2,
        epsilon_high=high,
        args=MagicMock(delta=None),
        use_vllm=False,
        model=MagicMock(training=False),
        _entropy_bonus_enabled=False,
        accelerator=MagicMock(num_processes=1, gather=lambda value: value),
        _get_per_token_logps_and_entropies=lambda *_, **__: (log_probs, torch.zeros(4, 6), None),
    )
    inputs = {
        "prompt_ids": torch.zeros(4, 1),
        "prompt_mask": torch.ones(4, 1),
        "completion_ids": torch.zeros(4, 6),
        "completion_mask": torch.ones(4, 6, dtype=torch.long),
        "tool_mask": mask,
        "advantages": advantages,
        "old_per_token_logps": old,
        "num_items_in_batch": mask.sum(),
    }
    theirs = grpo_trainer.GRPOTrainer._compute_loss(trainer, None, inputs)
    ours = clipped_loss(log_probs, old, advantages, mask, high=high, over=over)
    assert close(ours, theirs.detach(), 1e-6)
