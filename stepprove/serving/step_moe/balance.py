"""Balancing the experts: biases that move against the load (loss-free), and a loss that evens out groups of experts.

Step 3.5 Flash (arXiv 2602.10604) uses both: the biases for single experts, the loss for the groups that share a device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stepprove.serving.step_moe.experts import StepMoeRouter


def routers(model: nn.Module) -> list[StepMoeRouter]:
    """The routers of `model`, in order."""
    return [module for module in model.modules() if isinstance(module, StepMoeRouter)]


@torch.no_grad()
def update_router_biases(model: nn.Module, rate: float | None = None) -> None:
    """Lower the bias of each expert that had more than the mean load since the last call, and raise that of the others.

    Training calls it once after each optimiser step. `rate` is how far a bias moves; if it is None, the model's configuration
    says. Loads are summed over processes where training is distributed.
    """
    rate = float(model.config.router_bias_update_rate) if rate is None else rate  # type: ignore[union-attr, arg-type]
    for router in routers(model):
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(router.load)
        router.e_score_correction_bias += rate * torch.sign(router.load.mean() - router.load)
        router.load.zero_()


class RouterBalancing(TrainerCallback):
    """Has transformers' Trainer (and TRL's) call `update_router_biases` after each optimiser step."""

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the biases."""
        update_router_biases(kwargs["model"], self.rate)


def expert_group_loss(
    logits: Tensor, biases: Tensor, chosen: int, groups: int, counted: Tensor | None = None
) -> Tensor:
    """`groups * sum_g f_g p_g`: the share of choices that fell on a group times its share of probability.

    `logits` (tokens, experts) are the router's, `biases` (experts,) its biases, `chosen` the experts of each token; a token's
    probabilities are its sigmoid scores scaled to sum to one; they alone have a gradient. Consecutive experts form a group.
    Spread evenly, the loss is 1. Tokens that are not `counted` (a mask of as many) are left out.
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
    """The mean of `expert_group_loss` over the routers of `model`, of which `logits` has one entry each."""
    losses = [
        expert_group_loss(layer, router.e_score_correction_bias, router.top_k, groups, counted)
        for layer, router in zip(logits, routers(model), strict=True)
    ]
    return torch.stack(losses).mean()
