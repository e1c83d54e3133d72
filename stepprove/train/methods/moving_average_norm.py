"""Moving Average Batch Normalization (arXiv 2001.06838): batch normalization that works with two samples.

A small batch's statistics are noise, those of the gradient's too. MABN needs only two of the four (the mean square of the input;
the mean of gradient times output), takes each over the last batches, and centres weights instead of activations. Forward: the
simple mean of the last `buffer` batches, corrected towards the running statistic by a clipped ratio; backward: the simple mean of
the last `buffer` batches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_RATIO = 5.0
"""The correction lies within 1/5 and 5."""
_YOUNG = 1000
"""Steps before which there is no correction."""


class _Normalize(torch.autograd.Function):
    """x / sqrt(var + eps) forward; backward with the mean of gradient times output over the last batches."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, ratio: Tensor, memory: _Memory) -> Tensor:
        normal = x * scale
        ctx.save_for_backward(normal, scale, ratio)
        ctx.memory = memory
        return normal * ratio

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        normal, scale, ratio = ctx.saved_tensors
        gradient = gradients[0] * ratio
        mean = ctx.memory.smoothed((gradient * normal).mean(_axes(normal), keepdim=True))
        return (gradient - normal * mean) * scale, None, None, None


class _Memory:
    """The last values of a statistic, and their mean."""

    def __init__(self, size: int, warmup: int) -> None:
        self._size, self._warmup = size, warmup
        self._values: list[Tensor] = []
        self._seen = 0

    def smoothed(self, value: Tensor) -> Tensor:
        """The mean of the last values, this one included; itself while there are too few, or the training is young."""
        self._values = [*self._values, value.detach()][-self._size :]
        self._seen += 1
        if self._seen <= self._size or self._seen < self._warmup:
            return value
        return torch.stack(self._values).mean(0)


def _axes(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


class MovingAverageNorm(nn.Module):
    """MABN for inputs [N, C, ...]; what stands before it should be a `CentredConv2d` or a `CentredLinear`.

    In evaluation it is linear, by the running statistic alone.
    """

    running: Tensor
    steps: Tensor

    def __init__(
        self,
        channels: int,
        *,
        buffer: int = 16,
        momentum: float = 0.98,
        warmup: int = 100,
        eps: float = 1e-5,
    ) -> None:
        """`buffer`: batches over which statistics are averaged; `momentum` of the running one; `warmup` in steps."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running", torch.ones(channels))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._momentum, self._eps, self._warmup = momentum, eps, warmup
        self._forward, self._backward = _Memory(buffer, warmup), _Memory(buffer, warmup)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized, scaled, shifted; the shape stays."""
        shape = (1, -1, *(1,) * (x.dim() - 2))
        if not self.training:
            scale = self.weight / (self.running + self._eps).sqrt()
            straight: Tensor = x * scale.view(shape) + self.bias.view(shape)
            return straight
        self.steps += 1
        with torch.no_grad():
            var = self._forward.smoothed(x.square().mean(_axes(x), keepdim=True))
            ratio = ((var + self._eps) / (self.running.view(shape) + self._eps)).sqrt()
            young = self.steps <= max(_YOUNG, self._warmup)
            ratio = torch.where(young, torch.ones_like(ratio), ratio.clamp(1 / _RATIO, _RATIO))
            self.running.lerp_(var.flatten(), 1 - self._momentum)
            scale = (var + self._eps).rsqrt()
        normal: Tensor = _Normalize.apply(x, scale, ratio, self._backward)  # type: ignore[no-untyped-call]
        scaled: Tensor = normal * self.weight.view(shape) + self.bias.view(shape)
        return scaled


def _centred(weight: Tensor) -> Tensor:
    """Each output's weights less their mean."""
    return weight - weight.mean(list(range(1, weight.dim())), keepdim=True)


class CentredConv2d(nn.Conv2d):
    """A convolution whose weights are centred for each output channel, which stands in for centring activations."""

    def forward(self, x: Tensor) -> Tensor:
        """As `Conv2d` does."""
        found: Tensor = self._conv_forward(x, _centred(self.weight), self.bias)
        return found


class CentredLinear(nn.Linear):
    """A linear map whose weights are centred for each output."""

    def forward(self, x: Tensor) -> Tensor:
        """As `Linear` does."""
        return functional.linear(x, _centred(self.weight), self.bias)
