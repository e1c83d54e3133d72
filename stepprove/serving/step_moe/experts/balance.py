"""Balance the experts: loss-free router biases for single experts, and an auxiliary loss for groups of experts.

Step 3.5 Flash (arXiv 2602.10604) uses both: the biases for single experts, the loss for the groups that share a device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stepprove.serving.step_moe.experts.experts import StepMoeRouter


def routers(model: nn.Module) -> list[StepMoeRouter]:
    """Return the routers of `model`, in the order of layers."""
    return [module for module in model.modules() if isinstance(module, StepMoeRouter)]


@torch.no_grad()
def update_router_biases(model: nn.Module, rate: float | None = None) -> None:
    """Lower the bias of each expert with more than the mean load since the last call, raise the others, reset the loads.

    Training calls it once after each optimiser step; distributed training sums loads over processes.

    Args:
        model: the model, changed in place.
        rate: the change of a bias; None: the configuration's `router_bias_update_rate`.

    Source: Step 3.5 Flash (arXiv 2602.10604).
    """
    rate = float(model.config.router_bias_update_rate) if rate is None else rate  # type: ignore[union-attr, arg-type]
    for router in routers(model):
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(router.load)
        router.e_score_correction_bias += rate * torch.sign(router.load.mean() - router.load)
        router.load.zero_()


class RouterBalancing(TrainerCallback):
    """A callback for transformers' and TRL's trainers that calls `update_router_biases` after each optimiser step."""

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Update the biases."""
        update_router_biases(kwargs["model"], self.rate)


def expert_group_loss(
    logits: Tensor, biases: Tensor, chosen: int, groups: int, counted: Tensor | None = None
) -> Tensor:
    """Compute `groups * sum_g f_g p_g`: a group's share of choices times its share of probability.

    A token's probabilities are its sigmoid scores scaled to sum to 1; only they have a gradient. Consecutive experts form a
    group. An even load gives 1.

    Args:
        logits: (tokens, experts), the router's.
        biases: (experts,), the router's.
        chosen: experts per token.
        groups: number of groups.
        counted: mask of the tokens that count; None: all.

    Returns:
        A scalar.

    Source: Step 3.5 Flash (arXiv 2602.10604).
    """
    if counted is not None:
        logits = logits[counted.flatten()]
    scores = logits.float().sigmoid()
    indices = torch.topk(scores.detach() + biases, chosen, dim=-1, sorted=False).indices
    choices = indices.flatten().bincount(minlength=biases.shape[0]).to(scores.dtype)
    frequencies = (choices / choices.sum()).view(groups, -1).sum(-1)
    probabilities = (scores / scores.sum(-1, keepdim=True)).mean(0).view(groups, -1).sum(-1)
    return groups * (frequencies * probabilities).sum()


def model_group_loss(
    model: nn.Module, logits: Sequence[Tensor], groups: int, counted: Tensor | None = None
) -> Tensor:
    """Return the mean of `expert_group_loss` over the routers of `model`; `logits` has one entry for each router."""
    losses = [
        expert_group_loss(layer, router.e_score_correction_bias, router.top_k, groups, counted)
        for layer, router in zip(logits, routers(model), strict=True)
    ]
    return torch.stack(losses).mean()
