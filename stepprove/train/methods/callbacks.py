"""Methods as callbacks of transformers' Trainer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, BinaryIO

import orjson
from torch import nn
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stepprove.train.methods.angular import AngularTelemetry, WeightTurn
from stepprove.train.methods.never_hurt import NeverHurt, l2_sp
from stepprove.train.methods.options import NeverHurtOptions

_ROUNDING = 1e-6
"""Tolerance for the fractional epoch of a resumed run."""


class NeverHurtTraining(TrainerCallback):
    """DTNH towards the weights that the model has at construction; the callback keeps a copy."""

    def __init__(self, model: nn.Module, options: NeverHurtOptions) -> None:
        self._options = options
        self._begin = [(p, p.detach().clone()) for p in model.parameters() if p.requires_grad]
        self._method: NeverHurt | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Hook into the optimizer."""
        optimizer = kwargs["optimizer"]
        inner: Optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate's wrapper has no hooks
        options = self._options
        pulls = [(p, l2_sp(start.to(p.device))) for p, start in self._begin]
        self._method = NeverHurt(inner, pulls, weight=options.weight, decay=options.decay, form=options.form)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Set the epoch, which weakens the pull."""
        assert self._method is not None
        self._method.epoch = int((state.epoch or 0.0) + _ROUNDING)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Remove the hook."""
        assert self._method is not None
        self._method.close()


def angles_to(file: BinaryIO, every: int) -> AngularTelemetry:
    """Write telemetry of all matrices as JSON lines: step, name, angle and equilibrium angle in radians (null: none), norm."""

    def write(turn: WeightTurn) -> None:
        file.write(orjson.dumps(asdict(turn)) + b"\n")
        file.flush()

    return AngularTelemetry(write, every=every)


def watched(model: nn.Module) -> int:
    """Return the number of lines that `angles_to` writes for a recorded step: one for each matrix."""
    return sum(parameter.dim() >= 2 for _, parameter in model.named_parameters())
