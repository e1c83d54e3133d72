"""A transformer layer: attention and a feed-forward part."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.modeling_layers import GradientCheckpointingLayer

from stepprove.serving.step_moe.attention.attention import StepMoeAttention
from stepprove.serving.step_moe.attention.rope import Rotation
from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.experts.experts import StepMoeMLP, StepMoeSparseBlock
from stepprove.serving.step_moe.norm import RMSNorm


class StepMoeBlock(GradientCheckpointingLayer):
    """Pre-norm attention and feed-forward part with residual connections."""

    def __init__(self, config: StepMoeConfig, layer_idx: int) -> None:
        super().__init__()
        assert config.layer_types is not None and config.mlp_layer_types is not None
        self.layer_type = config.layer_types[layer_idx]
        self.self_attn = StepMoeAttention(config, layer_idx, self.layer_type)
        self.mlp: nn.Module
        self.is_sparse = config.mlp_layer_types[layer_idx] == "sparse"
        if self.is_sparse:
            self.mlp = StepMoeSparseBlock(config, layer_idx)
        else:
            limit = config.swiglu_limits_shared[layer_idx] if config.swiglu_limits_shared else None
            self.mlp = StepMoeMLP(config.hidden_size, config.intermediate_size, limit)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        hidden: Tensor,
        rotation: Rotation,
        attention_mask: Tensor | None,
        cache: Cache | None = None,
        counted: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Map `hidden` (batch, sequence, width) to the same shape; `counted` masks the tokens of the router's load."""
        attended, _ = self.self_attn(self.input_layernorm(hidden), rotation, attention_mask, cache, **kwargs)
        hidden = hidden + attended
        normed = self.post_attention_layernorm(hidden)
        output: Tensor = hidden + (self.mlp(normed, counted) if self.is_sparse else self.mlp(normed))
        return output


class StepMoeDecoderLayer(StepMoeBlock):
    """A layer of the model itself; `output_hidden_states` records its output."""
