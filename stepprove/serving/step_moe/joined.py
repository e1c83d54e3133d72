"""Run several linear layers on one input as one matrix product: in a small model calls cost more than arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Joined:
    """Concatenates the weights of linear layers, and caches the result while gradients are off.

    It joins plain layers on a CPU only, and calls others (adapters, quantised layers, layers on a GPU) one by one.
    """

    def __init__(self) -> None:
        self._weight: Tensor | None = None
        self._seen: list[tuple[int, int]] = []

    def __call__(self, hidden: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
        """Return each layer's output for `hidden` (..., width)."""
        plain = [layer for layer in layers if type(layer) is nn.Linear and layer.weight.device.type == "cpu"]
        if len(plain) < len(layers) or any(layer.bias is not None for layer in plain):
            return [layer(hidden) for layer in layers]
        weights = [layer.weight for layer in plain]
        product = functional.linear(hidden, self._join(weights))
        return list(product.split([weight.shape[0] for weight in weights], dim=-1))

    def _join(self, weights: list[Tensor]) -> Tensor:
        if torch.is_grad_enabled() or any(weight.is_inference() for weight in weights):
            return torch.cat(weights)
        seen = [(weight.data_ptr(), weight._version) for weight in weights]
        if self._weight is None or seen != self._seen:
            self._weight, self._seen = torch.cat(weights), seen
        return self._weight
