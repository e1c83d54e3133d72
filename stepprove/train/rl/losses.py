"""Policy losses on text: GRPO, DAPO's changes to it, and MIS-PO of Step 3.5 Flash.

Shapes: B texts of T tokens; the texts of one problem are adjacent, in groups of `group`. A `mask` [B, T] is 1 for tokens
that the policy wrote and 0 for padding and Lean's feedback. An unknown reward (Lean timed out or failed) is NaN and counts
nowhere.

Sources: GRPO (arXiv 2402.03300, section 4.1), DAPO (arXiv 2503.14476, sections 3.1 to 3.3), MIS-PO (Step 3.5 Flash, arXiv
2602.10604).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Average = Literal["token", "text"]
"""`token`: average over all tokens of the batch (DAPO). `text`: average each text's tokens, then the texts (GRPO)."""

_SMALL = 1e-4


def group_advantages(rewards: Tensor, group: int, *, scale: bool = True) -> Tensor:
    """Compare each text's reward with the others of its group.

    The advantage is (r - mean) / (standard deviation + 1e-4) over the group's known rewards, with the unbiased deviation.

    Args:
        rewards: [B], NaN where unknown.
        group: texts of a problem.
        scale: divide by the standard deviation.

    Returns:
        Advantages [B]; 0 for unknown rewards and for groups with fewer than two known ones.

    Raises:
        ValueError: B is not a multiple of `group`.

    Source: GRPO (arXiv 2402.03300, section 4.1).
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
    """Find the groups with mixed rewards, which DAPO's dynamic sampling keeps.

    Args:
        rewards: [B], NaN where unknown.
        group: texts of a problem.

    Returns:
        [B / group], bool: True where two known rewards of a group differ.

    Raises:
        ValueError: B is not a multiple of `group`.

    Source: DAPO (arXiv 2503.14476, section 3.2).
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
    """Average values [B, T] where `mask` is 1, by tokens or by texts; texts with an empty mask are left out.

    Returns a scalar: 0 for an empty mask.
    """
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
    """Compute PPO's clipped loss for tokens, as GRPO uses it.

    DAPO's clip-higher is `high` 0.28 above `low` 0.2, averaged over tokens.

    Args:
        log_probs: [B, T], of the written tokens under the current weights.
        old_log_probs: [B, T], when sampled.
        advantages: [B] or [B, T].
        mask: [B, T].
        low: the ratio's lower clip is 1 - low.
        high: the ratio's upper clip is 1 + high.
        over: the average.

    Returns:
        A scalar.

    Source: GRPO (arXiv 2402.03300, section 4.1), DAPO (arXiv 2503.14476, sections 3.1 and 3.3).
    """
    ratio = (log_probs - old_log_probs).exp()
    weight = advantages if advantages.dim() == 2 else advantages[:, None]
    gain = torch.minimum(ratio * weight, ratio.clamp(1 - low, 1 + high) * weight)
    return -average(gain, mask, over)


@dataclass(frozen=True, slots=True)
class TrustBounds:
    """Ratios of training policy to sampling policy within which MIS-PO trusts a token and a whole text."""

    token_low: float = 0.5
    token_high: float = 2.0
    text_low: float = 0.996
    text_high: float = 1.001
    """`text_low` and `text_high` bound the geometric mean over a text's tokens."""


def trusted(
    old_log_probs: Tensor, sampled_log_probs: Tensor, mask: Tensor, bounds: TrustBounds = TrustBounds()
) -> Tensor:
    """Mark the tokens that MIS-PO keeps: token and text both lie within the bounds.

    Args:
        old_log_probs: [B, T], of the training policy before the update.
        sampled_log_probs: [B, T], of the engine that sampled the text.
        mask: [B, T].
        bounds: the bounds on the ratios.

    Returns:
        [B, T]: 1 where kept, 0 elsewhere and outside the mask.

    Source: MIS-PO (Step 3.5 Flash, arXiv 2602.10604).
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
    """Compute MIS-PO's loss: the policy gradient of the trusted tokens, without a ratio.

    The mean counts every token of `mask`, so dropped tokens make steps smaller, not noisier.

    Args:
        log_probs: [B, T], of the written tokens under the current weights.
        advantages: [B] or [B, T].
        mask: [B, T].
        kept: [B, T], from `trusted`.
        over: the average.

    Returns:
        A scalar.

    Source: MIS-PO (Step 3.5 Flash, arXiv 2602.10604).
    """
    weight = advantages if advantages.dim() == 2 else advantages[:, None]
    return -average(log_probs * weight * kept, mask, over)
