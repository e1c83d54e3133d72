"""Rotary positions, with other bases and another share of each head for each type of layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stepprove.serving.step_moe.configuration import StepMoeConfig

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines, each of shape (batch, sequence, rotated dimensions / 2)."""


def inverse_frequencies(config: StepMoeConfig, layer_type: str) -> Tensor:
    """The angle a position adds, for each pair of rotated dimensions of this type of layer.

    Raises ValueError for a `rope_type` other than "default".
    """
    parameters = (config.rope_parameters or {})[layer_type]
    if parameters.get("rope_type", "default") != "default":
        raise ValueError(f"StepMoE has no rotary positions of type {parameters['rope_type']}.")
    width = int(config.head_dim * parameters.get("partial_rotary_factor", 1.0))
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    frequencies: Tensor = 1.0 / parameters["rope_theta"] ** exponents
    return frequencies


class RotaryEmbedding(nn.Module):
    """The rotations at given positions, for each type of layer."""

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__()
        self.config = config
        self.layer_types = sorted({*(config.layer_types or []), *(config.mtp_layer_types or [])})
        for layer_type in self.layer_types:
            self.register_buffer(
                f"{layer_type}_inv_freq", inverse_frequencies(config, layer_type), persistent=False
            )

    def forward(self, hidden: Tensor, position_ids: Tensor, layer_type: str) -> Rotation:
        """The rotation at `position_ids` of shape (batch, sequence), in the type of `hidden`."""
        angles = position_ids[..., None].float() * getattr(self, f"{layer_type}_inv_freq")
        return angles.cos().to(hidden.dtype), angles.sin().to(hidden.dtype)


def rotate(heads: Tensor, rotation: Rotation) -> Tensor:
    """Turn the first dimensions of `heads` (batch, sequence, heads, head_dim) by their positions; the rest passes.

    A dimension is paired with the one half the rotated width further, as in transformers.
    """
    cos, sin = (part.unsqueeze(2) for part in rotation)
    half = cos.shape[-1]
    first, second = heads[..., :half], heads[..., half : 2 * half]
    turned = [first * cos - second * sin, second * cos + first * sin]
    if 2 * half < heads.shape[-1]:
        turned.append(heads[..., 2 * half :])
    return torch.cat(turned, dim=-1)
