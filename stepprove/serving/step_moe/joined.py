"""Several linear maps of one input as one matrix product: a small model spends its time on calls, not on arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Joined:
    """Joins the weights of some linear layers, and keeps the joined weight while no gradient is asked for.

    Only plain layers on a CPU are joined. Others (of an adapter, of a quantisation, on a device whose memory is dear) are called
    one by one.
    """

    def __init__(self) -> None:
        self._weight: Tensor | None = None
        self._seen: list[tuple[int, int]] = []

    def __call__(self, hidden: Tensor, layers: Sequence[nn.Module]) -> list[Tensor]:
        """What each of `layers` makes of `hidden` (..., width)."""
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
