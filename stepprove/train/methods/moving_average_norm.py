"""Moving Average Batch Normalization (arXiv 2001.06838): batch normalization for batches of two samples.

The statistics of a small batch are noisy, in the backward pass too. MABN needs two of the four (the mean square of the input,
and the mean of gradient times output), averages each over the last `buffer` batches, and centres weights instead of
activations. A clipped ratio corrects the forward pass towards the running statistic.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_RATIO = 5.0
"""Bound of the correction: from 1/5 to 5."""
_YOUNG = 1000
"""First steps, without correction."""


class _Normalize(torch.autograd.Function):
    """x / sqrt(var + eps) forward; backward with the mean of gradient times output over the last batches."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, ratio: Tensor, memory: _MovingAverage) -> Tensor:
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


class _MovingAverage:
    """A moving average of a statistic over the last batches."""

    def __init__(self, size: int, warmup: int) -> None:
        self._size, self._warmup = size, warmup
        self._values: list[Tensor] = []
        self._seen = 0

    def smoothed(self, value: Tensor) -> Tensor:
        """Add a value; return the mean of the last ones, or the value itself in the first steps."""
        self._values = [*self._values, value.detach()][-self._size :]
        self._seen += 1
        if self._seen <= self._size or self._seen < self._warmup:
            return value
        return torch.stack(self._values).mean(0)


def _axes(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


class MovingAverageNorm(nn.Module):
    """MABN for inputs [N, C, ...], after a `CentredConv2d` or `CentredLinear`.

    In evaluation it is linear, with the running statistic only.
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
        """Make the layer.

        Args:
            channels: C.
            buffer: batches of the moving averages.
            momentum: of the running statistic.
            warmup: steps before averaging.
            eps: added to the variance.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running", torch.ones(channels))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._momentum, self._eps, self._warmup = momentum, eps, warmup
        self._forward, self._backward = _MovingAverage(buffer, warmup), _MovingAverage(buffer, warmup)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize, scale and shift; the shape stays."""
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
    """Subtract each output's mean weight."""
    return weight - weight.mean(list(range(1, weight.dim())), keepdim=True)


class CentredConv2d(nn.Conv2d):
    """A convolution with weights centred for each output channel, in place of centred activations."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with centred weights."""
        output: Tensor = self._conv_forward(x, _centred(self.weight), self.bias)
        return output


class CentredLinear(nn.Linear):
    """A linear layer with weights centred for each output."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the centred weights."""
        return functional.linear(x, _centred(self.weight), self.bias)
