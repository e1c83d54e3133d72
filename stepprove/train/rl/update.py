"""One optimiser step on the batches of all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from stepprove.train.distributed import SINGLE_PROCESS, ProcessGroup
from stepprove.train.rl.batches import Batch
from stepprove.train.rl.losses import (
    Average,
    TrustBounds,
    clipped_loss,
    mis_po_loss,
    trusted,
)
from stepprove.train.rl.options import RlvrOptions


def log_probs(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Compute each token's log-probability given the tokens before it.

    Args:
        model: a causal language model.
        ids: [B, T], padded on the right, so the model needs no mask.

    Returns:
        [B, T]; 0 for the first token.
    """
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    values = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]
    return torch.cat([values.new_zeros(len(ids), 1), values], 1)


def _policy_loss(current: Tensor, part: Batch, options: RlvrOptions, over: Average) -> tuple[Tensor, Tensor]:
    """The loss of a batch, and the mask of the tokens that count in it."""
    if options.loss == "mis-po":
        bounds = TrustBounds(*options.token_bounds, *options.text_bounds)
        kept = trusted(current.detach(), part.sampled, part.mask, bounds)
        return mis_po_loss(current, part.advantages, part.mask, kept), kept
    high = options.clip_high if options.loss == "dapo" else options.clip_low
    loss = clipped_loss(
        current, part.sampled, part.advantages, part.mask, low=options.clip_low, high=high, over=over
    )
    return loss, part.mask


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The figures of one optimiser step; see `Update`."""

    loss: float = 0.0
    grad_norm: float = 0.0
    trusted: float = 1.0
    drift: float = 0.0


def update(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    parts: Sequence[Batch],
    options: RlvrOptions,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> StepFigures:
    """Take one optimiser step on the batches of all processes; none when no process has a batch.

    Args:
        model: changed in place.
        optimizer: the model's.
        parts: this process's batches.
        options: the loss, its clips and the gradient norm.
        processes: those that train the model.
    """
    over: Average = "text" if options.loss == "grpo" else "token"
    wholes = [float(part.mask.sum()) if over == "token" else float(len(part.ids)) for part in parts]
    if not (everything := processes.sum(sum(wholes))):
        return StepFigures()
    written = processes.sum(sum(float(part.mask.sum()) for part in parts))
    idle = processes.max(len(parts)) - len(parts)
    kept_tokens = total = drift = 0.0
    optimizer.zero_grad()
    for batch, whole in zip(parts, wholes, strict=True):
        part = batch.to(model.device)
        current = log_probs(model, part.ids)
        drift += float(((current.detach() - part.sampled).abs() * part.mask).sum())
        loss, kept = _policy_loss(current, part, options, over)
        share = loss * (whole / everything)
        part_of_mean = share * processes.size  # FSDP averages the gradients of the processes
        part_of_mean.backward()  # type: ignore[no-untyped-call]
        total += float(share.detach())
        kept_tokens += float(kept.sum())
    for _ in range(idle):  # FSDP needs every process in each forward and backward pass
        nothing = torch.zeros(1, 2, dtype=torch.long, device=model.device)
        (log_probs(model, nothing).sum() * 0.0).backward()  # type: ignore[no-untyped-call]
    norm: Any = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_grad_norm)
    optimizer.step()
    return StepFigures(
        loss=processes.sum(total),
        grad_norm=float(norm.full_tensor() if isinstance(norm, DTensor) else norm),
        trusted=processes.sum(kept_tokens) / written,
        drift=processes.sum(drift) / written,
    )
