"""Attention: grouped queries with normed heads (Step 3.5 Flash) or multi-matrix factorisation (Step-3), each head gated."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import eager_attention_forward

from stepprove.serving.step_moe.configuration import SLIDING, StepMoeConfig
from stepprove.serving.step_moe.norm import RMSNorm
from stepprove.serving.step_moe.rope import Rotation, rotate


class StepMoeAttention(nn.Module):
    """Causal attention of one layer; queries and keys are made by `project`, which the two kinds do differently."""

    def __init__(self, config: StepMoeConfig, layer_idx: int, layer_type: str) -> None:
        """`layer_idx` is the layer's place in the cache."""
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.head_dim = config.head_dim
        self.num_heads = config.heads(layer_type)
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
        if config.head_gate:
            self.g_proj = nn.Linear(hidden, self.num_heads, bias=False)

    def queries_and_keys(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The heads' queries and keys before rotation, each of shape (batch, sequence, heads, head_dim)."""
        heads = (*hidden.shape[:-1], -1, self.head_dim)
        if self.config.attention == "mfa":
            return self.wq(self.inter_norm(self.q_proj(hidden))).view(heads), self.k_proj(hidden).view(heads)
        return self.q_norm(self.q_proj(hidden).view(heads)), self.k_norm(self.k_proj(hidden).view(heads))

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
        heads = (*hidden.shape[:-1], -1, self.head_dim)
        query, key = (rotate(part, rotation).transpose(1, 2) for part in self.queries_and_keys(hidden))
        value = self.v_proj(hidden).view(heads).transpose(1, 2)
        if cache is not None:
            key, value = cache.update(key, value, self.layer_idx, kwargs=kwargs)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        output, weights = attend(
            self,
            query,
            key,
            value,
            attention_mask,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.scaling,
            sliding_window=self.sliding_window,
            **kwargs,
        )
        output = output.view(*hidden.shape[:-1], self.num_heads, self.head_dim)
        if self.config.head_gate:
            output = output * self.g_proj(hidden).sigmoid().unsqueeze(-1)
        return self.o_proj(output.flatten(-2)), weights
