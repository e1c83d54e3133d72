"""Attention: grouped queries with normed heads (Step 3.5 Flash) or multi-matrix factorisation (Step-3), each head gated."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import eager_attention_forward

from stepprove.serving.step_moe.attention.blocks import unmasked_attention
from stepprove.serving.step_moe.attention.rope import Rotation, rotate
from stepprove.serving.step_moe.configuration import SLIDING, StepMoeConfig
from stepprove.serving.step_moe.joined import Joined
from stepprove.serving.step_moe.norm import RMSNorm, scaled_norm


class StepMoeAttention(nn.Module):
    """Causal attention of one layer; `gqa` and `mfa` differ in their projections of queries and keys."""

    def __init__(self, config: StepMoeConfig, layer_idx: int, layer_type: str) -> None:
        """Build the projections; `layer_idx` is the layer's index in the cache."""
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.head_dim = config.head_dim
        self.num_heads = config.heads(layer_type)
        self.num_shared = config.num_key_value_heads
        self.num_key_value_groups = self.num_heads // config.num_key_value_heads
        self.scaling = config.head_dim**-0.5
        self.attention_dropout = config.attention_dropout
        self.sliding_window = config.sliding_window if layer_type == SLIDING else None
        self.is_causal = True
        hidden, shared = config.hidden_size, config.num_key_value_heads * config.head_dim
        if config.attention == "mfa":
            assert config.query_rank is not None
            self.q_proj = nn.Linear(hidden, config.query_rank, bias=False)
            self.inter_norm = RMSNorm(config.query_rank, config.rms_norm_eps)
            self.wq = nn.Linear(config.query_rank, self.num_heads * self.head_dim, bias=False)
        else:
            self.q_proj = nn.Linear(hidden, self.num_heads * self.head_dim, bias=False)
            self.q_norm = RMSNorm(self.head_dim, config.rms_norm_eps)
            self.k_norm = RMSNorm(self.head_dim, config.rms_norm_eps)
        self.k_proj = nn.Linear(hidden, shared, bias=False)
        self.v_proj = nn.Linear(hidden, shared, bias=False)
        self.o_proj = nn.Linear(self.num_heads * self.head_dim, hidden, bias=False)
        self.low_rank, self.gated = config.attention == "mfa", config.head_gate
        self._joined = Joined()
        if config.head_gate:
            self.g_proj = nn.Linear(hidden, self.num_heads, bias=False)

    def project(self, hidden: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return rotated queries and keys, values, and the gate before its sigmoid.

        Queries, keys and values are (batch, sequence, heads, head_dim), the gate (batch, sequence, heads).
        """
        layers = [self.q_proj, self.k_proj, self.v_proj]
        if self.gated:
            layers.append(self.g_proj)
        query, key, value, *gate = self._joined(hidden, layers)
        heads = (*hidden.shape[:-1], -1, self.head_dim)
        if self.low_rank:
            query = self.wq(self.inter_norm(query))
        both = torch.cat([query, key], dim=-1).view(heads)
        if not self.low_rank:
            scales = [
                self.q_norm.weight.expand(self.num_heads, -1),
                self.k_norm.weight.expand(self.num_shared, -1),
            ]
            both = scaled_norm(both, 1.0 + torch.cat(scales).float(), self.q_norm.eps)
        query, key = rotate(both, rotation).split([self.num_heads, self.num_shared], dim=2)
        return query, key, value.view(heads), gate[0] if gate else None

    def forward(
        self,
        hidden: Tensor,
        rotation: Rotation,
        attention_mask: Tensor | None,
        cache: Cache | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from `hidden` (batch, sequence, width) to itself and the cache.

        Returns the output and the attention weights, which are None unless the attention implementation has them.
        """
        query, key, value, gate = self.project(hidden, rotation)
        key, value = key.transpose(1, 2), value.transpose(1, 2)
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx, kwargs=kwargs)
        output, weights = self.attend(query, key, value, attention_mask, **kwargs)
        if gate is not None:
            output = output * gate.sigmoid().unsqueeze(-1)
        return self.o_proj(output.flatten(-2)), weights

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Return the heads' outputs, shaped as `query` (batch, sequence, heads, head_dim), and the attention weights, if any."""
        implementation = self.config._attn_implementation
        dropout = self.attention_dropout if self.training else 0.0
        if implementation == "sdpa" and attention_mask is None and not dropout and query.device.type == "cpu":
            output = unmasked_attention(query, key, value, self.sliding_window, self.scaling)
            if output is not None:
                return output, None
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(implementation, eager_attention_forward)
        output, weights = attend(
            self,
            query.transpose(1, 2),
            key,
            value,
            attention_mask,
            dropout=dropout,
            scaling=self.scaling,
            sliding_window=self.sliding_window,
            **kwargs,
        )
        return output.view(query.shape), weights
