"""Sample a token for each row of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stepprove.serving.serve.sampler import SamplingParams


def draw_tokens(logits: Tensor, rows: Sequence[SamplingParams], chances: Sequence[float]) -> Tensor:
    """Sample a token for each row by inverting its distribution.

    Args:
        logits: (rows, vocabulary).
        rows: each row's sampling parameters.
        chances: a uniform number from [0, 1) for each row.

    Returns:
        Token ids, (rows,).
    """
    where = logits.device
    scale = torch.tensor([row.temperature or 1.0 for row in rows], device=where)
    scaled = logits.double() / scale[:, None]
    order = None
    if any(row.top_p < 1 or row.top_k for row in rows):
        scaled, order = scaled.sort(dim=-1, descending=True)
    mass = scaled.softmax(-1)
    if order is not None:
        places = torch.arange(mass.shape[1], device=where)
        most = torch.tensor([row.top_k or mass.shape[1] for row in rows], device=where)
        mass = mass.masked_fill(places >= most[:, None], 0.0)
        share = torch.tensor([row.top_p for row in rows], dtype=mass.dtype, device=where)[:, None]
        before = mass.cumsum(-1) - mass
        mass = mass.masked_fill((before >= share * mass.sum(-1, keepdim=True)) & (places > 0), 0.0)
    heights = mass.cumsum(-1)
    chosen = torch.tensor(chances, dtype=mass.dtype, device=where)[:, None] * heights[:, -1:]
    tokens = torch.searchsorted(heights, chosen, right=True).clamp(max=mass.shape[1] - 1)
    if order is not None:
        tokens = order.gather(1, tokens)
    greedy = torch.tensor([row.temperature == 0 for row in rows], device=where)
    return torch.where(greedy, logits.argmax(-1), tokens[:, 0])
