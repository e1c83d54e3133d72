"""DTNH (arXiv 1911.07489): a regulariser pulls weights towards a source model without slowing the task loss's descent.

DTNH removes from the regulariser's gradient, such as 2 (w - w0) of L2-SP, the part along the task's gradient g that would undo
descent. The resulting direction d satisfies <d, g> >= |g|² for any source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stepprove.train.methods.options import NeverHurtOptions

Form = Literal["conditional", "unconditional"]
"""`conditional`: remove the part along the task's gradient where the two gradients disagree, as in the paper. `unconditional`:
remove it always, as in the code of the successor GrOD."""


def direction(task: Tensor, other: Tensor, weight: float, form: Form = "conditional") -> Tensor:
    """Combine the gradients of the task's loss and of the regulariser.

    The result is task + weight * (other - (<other, task> / |task|²) task); the conditional form subtracts only where
    <other, task> < 0. A zero task gradient leaves the regulariser's whole.

    Args:
        task: gradient of the task's loss.
        other: gradient of the regulariser, of the same shape.
        weight: of the regulariser.
        form: `conditional` or `unconditional`.

    Returns:
        The gradient for the optimizer, of the same shape.

    Source: arXiv 1911.07489.
    """
    square = task.square().sum()
    inner = (task * other).sum()
    if form == "conditional":
        inner = inner.clamp(max=0.0)
    share = torch.where(square > 0, inner / square.clamp(min=torch.finfo(task.dtype).tiny), 0.0)
    return task + weight * (other - share * task)


def l2_sp(source: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the gradient function of L2-SP, |w - source|² / 2, which pulls weights to the source (arXiv 1802.01483)."""
    start = source.detach().clone()
    return lambda weight: weight.detach() - start


class NeverHurt:
    """Changes parameters' gradients before each step of an optimizer, tensor by tensor, until `close`.

    The regulariser's weight is `weight` * `decay` ** epoch; the caller counts `epoch`. Leave parameters without a source, such
    as a new head, out of `pulls`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        pulls: Iterable[tuple[nn.Parameter, Callable[[Tensor], Tensor]]],
        *,
        weight: float = 0.1,
        decay: float = 0.99,
        form: Form = "conditional",
    ) -> None:
        """Hook into the optimizer; `pulls` pairs parameters with the gradient functions of their regularisers."""
        self._pulls = tuple(pulls)
        self._weight, self._decay, self._form = weight, decay, form
        self.epoch = 0
        self._hook = optimizer.register_step_pre_hook(self._change)

    def close(self) -> None:
        """Remove the hook."""
        self._hook.remove()

    @torch.no_grad()
    def _change(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        weight = self._weight * self._decay**self.epoch
        for parameter, gradient in self._pulls:
            if parameter.grad is not None:
                parameter.grad.copy_(direction(parameter.grad, gradient(parameter), weight, self._form))


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
