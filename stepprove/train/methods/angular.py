"""Spherical Motion Dynamics (arXiv 2006.08419): the angle by which scale-invariant weights turn in a step.

A weight before a normalization is scale-invariant: its gradient is orthogonal to it and shrinks as the weight grows. Gradients
lengthen it, weight decay shortens it. At equilibrium it turns by sqrt(2 lr wd / (1 + momentum)) radians, set by learning rate,
decay and momentum alone. The telemetry reports each weight's angle beside that at equilibrium.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import orjson
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


def angle(before: Tensor, after: Tensor) -> float:
    """Return the angle between two tensors as vectors, in radians, exact for small angles too; NaN where one is 0."""
    first, second = before.detach().double().flatten(), after.detach().double().flatten()
    lengths = float(first.norm()), float(second.norm())
    if 0.0 in lengths:
        return math.nan
    chord = float((first / lengths[0] - second / lengths[1]).norm())
    return 2 * math.asin(min(1.0, chord / 2))


def mean_angle(before: Mapping[str, Tensor], model: nn.Module) -> float:
    """Return the mean angle by which a model's matrices turned since `before`, in radians; zero matrices do not count."""
    turned = (angle(before[name], p) for name, p in model.named_parameters() if p.dim() >= 2)
    angles = [value for value in turned if not math.isnan(value)]
    return sum(angles) / len(angles) if angles else math.nan


def equilibrium_angle(lr: float, weight_decay: float, momentum: float = 0.0) -> float:
    """Return the angle in radians by which a scale-invariant weight turns in a step of SGD at equilibrium.

    sqrt(2 lr wd / (1 + momentum)), to first order in lr wd; SGD adds weight decay to the gradient.

    Source: arXiv 2006.08419, section 3.
    """
    return math.sqrt(2 * lr * weight_decay / (1 + momentum))


def equilibrium_norm(lr: float, weight_decay: float, gradient_square: float, momentum: float = 0.0) -> float:
    """Return the length of a scale-invariant weight at equilibrium.

    Args:
        lr: SGD's learning rate.
        weight_decay: above 0, added to the gradient.
        gradient_square: mean of |g|² |w|², the squared gradient at unit length.
        momentum: SGD's momentum, without damping.
    """
    decay = lr * weight_decay
    fourth = lr * gradient_square / (weight_decay * (1 - momentum) * (2 - decay / (1 + momentum)))
    return float(fourth**0.25)


def steps_to_equilibrium(lr: float, weight_decay: float) -> float:
    """Return the steps in which the distance to equilibrium falls to 1/e: about 1 / (4 lr wd), linearised."""
    return 1 / (4 * lr * weight_decay)


@torch.no_grad()
def rescale(parameters: Iterable[Tensor], decay: float, optimizer: Optimizer | None = None) -> None:
    """Rescale scale-invariant weights to their new equilibrium when the learning rate is multiplied by `decay`.

    The equilibrium length is proportional to the fourth root of the learning rate. Without rescaling, a weight is too long after
    a decay and turns too slowly for 1 / (4 lr wd) steps. The network's function does not change; SGD's momentum scales with the
    gradients.

    Args:
        parameters: the scale-invariant weights, changed in place.
        decay: factor of the learning rate, above 0.
        optimizer: holds the momentum buffers to rescale.

    Raises:
        ValueError: `decay` is not positive.
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
    """The angle of one weight in one step."""

    step: int
    name: str
    angle: float
    """In radians."""
    expected: float
    """Angle at equilibrium by the theory for SGD; NaN without weight decay."""
    norm: float


class AngularTelemetry(TrainerCallback):
    """A Trainer callback that reports the chosen weights' angles after a step, beside those at equilibrium.

    The theory covers SGD with weight decay in the gradient; with another optimizer the measured angle is still right.
    """

    def __init__(
        self,
        listen: Callable[[WeightTurn], None],
        chosen: Callable[[str, nn.Parameter], bool] = lambda name, weight: weight.dim() >= 2,
        every: int = 1,
    ) -> None:
        """Report to `listen` the parameters that `chosen` selects by name and value, in one step of `every`."""
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
        """Report the step."""
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


def angles_to(file: BinaryIO, every: int) -> AngularTelemetry:
    """Write telemetry of all matrices as JSON lines: step, name, angle and equilibrium angle in radians (null: none), norm."""

    def write(turn: WeightTurn) -> None:
        file.write(orjson.dumps(asdict(turn)) + b"\n")
        file.flush()

    return AngularTelemetry(write, every=every)


def watched(model: nn.Module) -> int:
    """Return the number of lines that `angles_to` writes for a recorded step: one for each matrix."""
    return sum(parameter.dim() >= 2 for _, parameter in model.named_parameters())
