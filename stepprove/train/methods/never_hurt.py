"""DTNH (arXiv 1911.07489): a regulariser that draws weights to a source may help the task's own loss, but never hurt its descent.

The gradient of the regulariser, say 2 (w - w0) of L2-SP, is split along the gradient of the task's loss. What would undo
descent is taken off; the rest stays. The direction d that comes out has <d, g> >= |g|² whatever the source is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Form = Literal["conditional", "unconditional"]
"""`conditional`: taken off only where both gradients disagree, as the conference paper words it. `unconditional`: the part along
the task's gradient is taken off always, as the code of its successor GrOD does."""


def direction(task: Tensor, other: Tensor, weight: float, form: Form = "conditional") -> Tensor:
    """The direction to step against, of the gradients of the task's loss and of the regulariser, all of one shape.

    task + weight * (other - (<other, task> / |task|²) task); in the conditional form taken off only where <other, task> < 0.
    Where the task has no gradient nothing can hurt it: the regulariser's stays whole.
    """
    square = task.square().sum()
    inner = (task * other).sum()
    if form == "conditional":
        inner = inner.clamp(max=0.0)
    share = torch.where(square > 0, inner / square.clamp(min=torch.finfo(task.dtype).tiny), 0.0)
    return task + weight * (other - share * task)


def l2_sp(source: Tensor) -> Callable[[Tensor], Tensor]:
    """The gradient of |w - source|² / 2: L2-SP, which draws weights to those of the source (arXiv 1802.01483)."""
    start = source.detach().clone()
    return lambda weight: weight.detach() - start


class NeverHurt:
    """Changes the gradients of parameters before each step of any optimizer, tensor by tensor, until it is closed.

    The regulariser's weight is `weight` * `decay` ** epoch; `epoch` is the caller's to count up. Parameters that a source does
    not have, such as a new head, are left out by not being named.
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
        """`pulls` are parameters, each with its regulariser's gradient as a function of its value."""
        self._pulls = tuple(pulls)
        self._weight, self._decay, self._form = weight, decay, form
        self.epoch = 0
        self._hook = optimizer.register_step_pre_hook(self._change)

    def close(self) -> None:
        """Leave gradients alone from now on."""
        self._hook.remove()

    @torch.no_grad()
    def _change(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        weight = self._weight * self._decay**self.epoch
        for parameter, gradient in self._pulls:
            if parameter.grad is not None:
                parameter.grad.copy_(direction(parameter.grad, gradient(parameter), weight, self._form))
