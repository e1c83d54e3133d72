"""Zero-centred RMSNorm: the scale is 1 + weight (Step 3.5 Flash, table 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def scaled_norm(hidden: Tensor, scale: Tensor, eps: float) -> Tensor:
    """Compute `hidden / rms(hidden) * scale` over the last axis, in FP32; return it in the type of `hidden`.

    `scale` is (width,), or has the last axes of `hidden`.
    """
    if scale.dim() == 1:
        return functional.rms_norm(hidden.float(), scale.shape, scale, eps).type_as(hidden)
    return (functional.rms_norm(hidden.float(), scale.shape[-1:], eps=eps) * scale).type_as(hidden)


class RMSNorm(nn.Module):
    """`x / rms(x) * (1 + weight)` over the last axis, in FP32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise `hidden` of shape (..., width)."""
        return scaled_norm(hidden, 1.0 + self.weight.float(), self.eps)

    def extra_repr(self) -> str:
        """Return the sizes that `print(model)` shows."""
        return f"{tuple(self.weight.shape)}, eps={self.eps}"
