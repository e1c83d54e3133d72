"""Spherical Motion Dynamics (arXiv 2006.08419): how far weights turn in a step when their length does not matter.

A weight before a normalization is scale-invariant: its gradient is at right angles to it and falls as it grows. Gradients
lengthen it, weight decay shortens it; where the two meet, it turns by an angle that learning rate, decay and momentum alone set,
sqrt(2 lr wd / (1 + momentum)) in radians. Telemetry shows that angle, and how far it is from equilibrium, for each weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


def angle(before: Tensor, after: Tensor) -> float:
    """The angle between two tensors taken as vectors, in radians; exact for small angles too. NaN where one of them is 0."""
    first, second = before.detach().double().flatten(), after.detach().double().flatten()
    lengths = float(first.norm()), float(second.norm())
    if 0.0 in lengths:
        return math.nan
    chord = float((first / lengths[0] - second / lengths[1]).norm())
    return 2 * math.asin(min(1.0, chord / 2))


def mean_angle(before: Mapping[str, Tensor], model: nn.Module) -> float:
    """The mean over a model's matrices of how far each turned since `before`, in radians; a matrix that is 0 does not count."""
    turned = (angle(before[name], p) for name, p in model.named_parameters() if p.dim() >= 2)
    known = [value for value in turned if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def equilibrium_angle(lr: float, weight_decay: float, momentum: float = 0.0) -> float:
    """The angle in radians by which a scale-invariant weight turns in a step of SGD at equilibrium.

    sqrt(2 lr wd / (1 + momentum)), to first order in lr wd (section 3 of the paper). Weight decay is added to the gradient.
    """
    return math.sqrt(2 * lr * weight_decay / (1 + momentum))


def equilibrium_norm(lr: float, weight_decay: float, gradient_square: float, momentum: float = 0.0) -> float:
    """The length of a scale-invariant weight at equilibrium.

    Args:
        lr: of SGD.
        weight_decay: more than 0, added to the gradient.
        gradient_square: the mean of |g|² |w|², the gradient's square at unit length.
        momentum: of SGD, its damping 0.
    """
    decay = lr * weight_decay
    fourth = lr * gradient_square / (weight_decay * (1 - momentum) * (2 - decay / (1 + momentum)))
    return float(fourth**0.25)


def steps_to_equilibrium(lr: float, weight_decay: float) -> float:
    """Steps in which the distance to equilibrium falls to 1/e: about 1 / (4 lr wd), by linearising |w|⁴ at its fixed point."""
    return 1 / (4 * lr * weight_decay)


@torch.no_grad()
def rescale(parameters: Iterable[Tensor], decay: float, optimizer: Optimizer | None = None) -> None:
    """Bring scale-invariant weights to their new equilibrium at once when the learning rate is multiplied by `decay`.

    The length at equilibrium goes with the fourth root of the learning rate; without this a weight is too long after a decay, and
    turns too slowly for 1 / (4 lr wd) steps. What the network computes does not change. SGD's momentum, an average of gradients,
    grows as they do. Raises ValueError unless `decay` is positive.
    """
    if decay <= 0:
        raise ValueError(f"a learning rate cannot be multiplied by {decay}")
    factor = decay**0.25
    for parameter in parameters:
        parameter.mul_(factor)
        state: Mapping[str, Any] = optimizer.state.get(parameter, {}) if optimizer else {}
        if (momentum := state.get("momentum_buffer")) is not None:
            momentum.div_(factor)


@dataclass(frozen=True, slots=True)
class WeightTurn:
    """What one weight did in one step."""

    step: int
    name: str
    angle: float
    """In radians."""
    expected: float
    """At equilibrium, by the theory for SGD; NaN without weight decay."""
    norm: float


class AngularTelemetry(TrainerCallback):
    """Tells, after each step of a Trainer, how far the chosen weights turned, and what equilibrium would be.

    The theory holds for SGD with the decay in the gradient; with another optimizer the angle is told all the same.
    """

    def __init__(
        self,
        listen: Callable[[WeightTurn], None],
        chosen: Callable[[str, nn.Parameter], bool] = lambda name, weight: weight.dim() >= 2,
        every: int = 1,
    ) -> None:
        """`chosen` says, of a name and a parameter, whether it is watched; `every`: of how many steps one is."""
        self._listen, self._chosen, self._every = listen, chosen, every
        self._before: dict[str, Tensor] = {}

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the weights before the step."""
        if state.global_step % self._every == 0:
            self._before = {
                name: weight.detach().clone()
                for name, weight in kwargs["model"].named_parameters()
                if self._chosen(name, weight)
            }

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Tell of the step."""
        if not self._before:
            return
        groups = {
            id(weight): group for group in kwargs["optimizer"].param_groups for weight in group["params"]
        }
        for name, weight in kwargs["model"].named_parameters():
            if (before := self._before.get(name)) is None:
                continue
            group = groups.get(id(weight), {})
            decay = group.get("weight_decay", 0.0)
            expected = (
                equilibrium_angle(group["lr"], decay, group.get("momentum", 0.0)) if decay else math.nan
            )
            norm = float(weight.detach().norm())
            self._listen(WeightTurn(state.global_step, name, angle(before, weight), expected, norm))
        self._before = {}
