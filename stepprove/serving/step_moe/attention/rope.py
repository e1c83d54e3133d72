"""Rotary positions, with a base and a rotated share of each head for each layer type."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stepprove.serving.step_moe.configuration import StepMoeConfig

Rotation = tuple[Tensor, Tensor, int]
"""Cosines and signed sines, each (batch, sequence, 1, head_dim), and the number of rotated dimensions."""


def rotated_width(config: StepMoeConfig, layer_type: str) -> int:
    """Return the number of a head's rotated dimensions in a layer type."""
    return int(config.head_dim * (config.rope_parameters or {})[layer_type].get("partial_rotary_factor", 1.0))


def frequencies(config: StepMoeConfig, layer_type: str) -> Tensor:
    """Return the angle per position for each dimension of a head, 0 for dimensions that do not rotate.

    Raises ValueError for a `rope_type` other than "default".
    """
    parameters = (config.rope_parameters or {})[layer_type]
    if parameters.get("rope_type", "default") != "default":
        raise ValueError(f"StepMoE has no rotary positions of type {parameters['rope_type']}.")
    width = rotated_width(config, layer_type)
    half = 1.0 / parameters["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    return torch.cat([half, half, torch.zeros(config.head_dim - width)])


def signs(config: StepMoeConfig, layer_type: str) -> Tensor:
    """Return the sign of each dimension's sine: -1 in the first half of the rotated ones, then 1, then 0."""
    width = rotated_width(config, layer_type)
    half = torch.ones(width // 2)
    return torch.cat([-half, half, torch.zeros(config.head_dim - width)])


class RotaryEmbedding(nn.Module):
    """Computes rotations at given positions, for each layer type."""

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__()
        self.config = config
        self.layer_types = sorted({*(config.layer_types or []), *(config.mtp_layer_types or [])})
        self.frequencies: Tensor
        self.signs: Tensor
        for name, tensor in self.tables().items():
            self.register_buffer(name, tensor, persistent=False)

    def tables(self) -> dict[str, Tensor]:
        """Return the constant tables, each (layer types, head_dim)."""
        return {
            "frequencies": torch.stack(
                [frequencies(self.config, layer_type) for layer_type in self.layer_types]
            ),
            "signs": torch.stack([signs(self.config, layer_type) for layer_type in self.layer_types]),
        }

    def forward(self, hidden: Tensor, position_ids: Tensor) -> dict[str, Rotation]:
        """Return each layer type's rotation at `position_ids` (batch, sequence), in the type of `hidden`."""
        angles = position_ids[..., None, None].float() * self.frequencies
        cosines, sines = angles.cos().to(hidden.dtype), (angles.sin() * self.signs).to(hidden.dtype)
        return {
            layer_type: (
                cosines[:, :, index : index + 1],
                sines[:, :, index : index + 1],
                rotated_width(self.config, layer_type),
            )
            for index, layer_type in enumerate(self.layer_types)
        }


def rotate(heads: Tensor, rotation: Rotation) -> Tensor:
    """Rotate the first dimensions of `heads` (batch, sequence, heads, head_dim) by their positions; keep the rest.

    A dimension is paired with the one half the rotated width further, as in transformers.
    """
    cosines, sines, width = rotation
    partners = torch.cat(
        [heads[..., width // 2 : width], heads[..., : width // 2], heads[..., width:]], dim=-1
    )
    return torch.addcmul(heads * cosines, partners, sines)
