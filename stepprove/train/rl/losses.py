"""Losses of reinforcement learning on text: GRPO, what DAPO changed of it, and the MIS-PO of Step 3.5 Flash.

Shapes: B texts of T tokens, those of one problem side by side in groups of `group`. A `mask` [B, T] is 1 where a token was
written by the policy and counts, 0 for padding and for what Lean said. A reward that is not known (Lean ran out of time, or
could not be asked) is NaN: it takes part in nothing.

Sources: GRPO (arXiv 2402.03300, section 4.1), DAPO (arXiv 2503.14476, sections 3.1 to 3.3), MIS-PO (Step 3.5 Flash, arXiv
2602.10604).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Average = Literal["token", "text"]
"""Over what a loss is averaged: all tokens of the batch alike (DAPO), or those of each text and then the texts (GRPO)."""

_SMALL = 1e-4


def group_advantages(rewards: Tensor, group: int, *, scale: bool = True) -> Tensor:
    """How much better than the others of its problem each text did, [B]; a text whose reward is not known gets 0.

    GRPO's (r - mean) / (standard deviation + 1e-4) over the known rewards of a group, the deviation unbiased; without `scale`
    only the mean is taken off. A group with fewer than two known rewards says nothing: 0. Raises ValueError when the groups do
    not fill the batch.
    """
    grouped = _groups(rewards, group)
    known = ~grouped.isnan()
    count = known.sum(1, keepdim=True)
    values = grouped.nan_to_num(0.0)
    centred = torch.where(known, values - values.sum(1, keepdim=True) / count.clamp(min=1), 0.0)
    if scale:
        deviation = (centred.square().sum(1, keepdim=True) / (count - 1).clamp(min=1)).sqrt()
        centred = centred / (deviation + _SMALL)
    return torch.where(count > 1, centred, 0.0).flatten()


def has_signal(rewards: Tensor, group: int) -> Tensor:
    """Which groups DAPO's dynamic sampling keeps, [B / group], bool: those whose known rewards are not all alike.

    Raises ValueError when the groups do not fill the batch.
    """
    grouped = _groups(rewards, group)
    high = grouped.nan_to_num(-torch.inf).amax(1)
    low = grouped.nan_to_num(torch.inf).amin(1)
    return high > low


def _groups(rewards: Tensor, group: int) -> Tensor:
    if group < 1 or rewards.numel() % group:
        raise ValueError(f"{rewards.numel()} rewards are not groups of {group}")
    return rewards.reshape(-1, group)


def average(values: Tensor, mask: Tensor, over: Average) -> Tensor:
    """The mean of [B, T] over what counts, by tokens or by texts; texts of which nothing counts are left out. 0 of nothing."""
    if over == "token":
        return (values * mask).sum() / mask.sum().clamp(min=1)
    lengths = mask.sum(1)
    means = (values * mask).sum(1) / lengths.clamp(min=1)
    return means.sum() / (lengths > 0).sum().clamp(min=1)


def clipped_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    low: float = 0.2,
    high: float = 0.2,
    over: Average = "text",
) -> Tensor:
    """PPO's clipped loss for tokens, as GRPO uses it; DAPO's clip-higher is a `high` above `low` (0.28 and 0.2), over tokens.

    `log_probs` and `old_log_probs` [B, T] are those of the tokens that were written; `advantages` [B] or [B, T].
    """
    ratio = (log_probs - old_log_probs).exp()
    weight = advantages if advantages.dim() == 2 else advantages[:, None]
    gain = torch.minimum(ratio * weight, ratio.clamp(1 - low, 1 + high) * weight)
    return -average(gain, mask, over)


@dataclass(frozen=True, slots=True)
class TrustBounds:
    """Between which ratios of training policy to sampling policy MIS-PO believes a token, and a text as a whole."""

    token_low: float = 0.5
    token_high: float = 2.0
    text_low: float = 0.996
    text_high: float = 1.001
    """Of the geometric mean over a text's tokens."""


def trusted(
    old_log_probs: Tensor, sampled_log_probs: Tensor, mask: Tensor, bounds: TrustBounds = TrustBounds()
) -> Tensor:
    """MIS-PO's two indicators in one, [B, T]: 1 where a token and its text lie within the bounds, else 0; 0 where `mask` is.

    `old_log_probs` are the training policy's before the update, `sampled_log_probs` those of the engine that wrote the text.
    """
    log_ratio = (old_log_probs - sampled_log_probs) * mask
    mean = log_ratio.sum(1) / mask.sum(1).clamp(min=1)
    text = _within(mean.exp(), bounds.text_low, bounds.text_high)
    token = _within(log_ratio.exp(), bounds.token_low, bounds.token_high)
    return (token & text[:, None]) * mask


def _within(values: Tensor, low: float, high: float) -> Tensor:
    return (low <= values) & (values <= high)


def mis_po_loss(
    log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    kept: Tensor,
    *,
    over: Average = "token",
) -> Tensor:
    """MIS-PO: the plain policy gradient of the tokens that are trusted, no ratio multiplied in.

    `kept` comes from `trusted`. The mean is over all that `mask` counts: what is dropped makes steps smaller, not noisier.
    """
    weight = advantages if advantages.dim() == 2 else advantages[:, None]
    return -average(log_probs * weight * kept, mask, over)
