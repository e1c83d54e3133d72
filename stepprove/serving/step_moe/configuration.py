"""The configuration of a StepMoE: sizes, layer types, attention, experts, MTP heads.

Names follow transformers' configuration of Step 3.5 Flash (`model_type` "step3p5") where both have the field, so one converts
into the other.
"""

from __future__ import annotations

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

FULL, SLIDING = "full_attention", "sliding_attention"


@strict
class StepMoeConfig(PreTrainedConfig):
    """The configuration of a StepMoE (Step-3, arXiv 2507.19427; Step 3.5 Flash, arXiv 2602.10604).

    The defaults make a model of 16 M parameters.

    `layer_types` defaults to the paper's S3F1: a full-attention layer, then three sliding ones and a full one in turn.
    `mlp_layer_types` defaults to `first_dense_layers` dense layers, then sparse ones.
    """

    model_type = "step_moe"
    attribute_map = {  # noqa: RUF012 (transformers reads it from the class)
        "num_experts": "n_routed_experts",
        "num_local_experts": "n_routed_experts",
        "num_mtp_layers": "num_nextn_predict_layers",
    }

    vocab_size: int = 2048
    hidden_size: int = 256
    intermediate_size: int = 768
    """Inner width of a dense layer's feed-forward part."""
    num_hidden_layers: int = 9
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = False
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    attention: Literal["gqa", "mfa"] = "gqa"
    """`gqa`: grouped queries with normed heads (Step 3.5). `mfa`: a low-rank query, one key and one value head (Step-3)."""
    num_attention_heads: int = 4
    num_sliding_attention_heads: int | None = None
    """Query heads of sliding layers; None: as in full layers. The paper has 96 against 64."""
    num_key_value_heads: int = 2
    head_dim: int = 64
    query_rank: int | None = None
    """Width of the low-rank query of `mfa`; None: half the width of all heads."""
    head_gate: bool = True
    """Multiply each head's output by a sigmoid gate of the layer's input."""
    attention_dropout: float = 0.0
    layer_types: list[str] | None = None
    sliding_window: int | None = 512
    """Tokens in a sliding layer's window, the query's own included."""
    rope_theta: float = 10000.0
    full_rope_theta: float | None = None
    """The rotary base of full layers; None: that of sliding layers."""
    rope_parameters: dict[str, Any] | None = None
    """Rotary parameters by layer type; None: the bases above, on half of each head in full layers and on all in sliding ones."""

    mlp_layer_types: list[str] | None = None
    first_dense_layers: int = 1
    n_routed_experts: int = 16
    num_experts_per_tok: int = 4
    moe_intermediate_size: int = 128
    share_expert_dim: int = 128
    moe_router_scaling_factor: float = 1.0
    swiglu_limits: list[float | int | None] | None = None
    """Bound on the routed experts' inner activations, for each layer; None or 0: none."""
    swiglu_limits_shared: list[float | int | None] | None = None
    """The same for the shared expert, or the dense feed-forward part."""
    output_router_logits: bool = False

    router_bias_update_rate: float = 0.001
    """Change of a router bias in a step (0.001 in the paper, 0 while annealing)."""
    expert_groups: int | None = None
    """Expert groups, one for each device, of the group balance loss; None: no such loss."""
    expert_group_loss_weight: float = 0.001

    num_nextn_predict_layers: int = 0
    """Multi-token prediction (MTP) heads; each predicts one token further."""
    mtp_layer_types: list[str] | None = None
    mtp_mlp_layer_types: list[str] | None = None
    mtp_loss_weight: float = 0.3
    """Weight of the MTP heads' mean loss in training (0.3, later 0.1, in the paper)."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in defaults; the constructor calls it with the fields of other classes."""
        layers = self.num_hidden_layers
        if self.num_sliding_attention_heads is None:
            self.num_sliding_attention_heads = self.num_attention_heads
        if self.attention == "mfa":
            self.num_key_value_heads = 1
            if self.query_rank is None:
                self.query_rank = self.num_attention_heads * self.head_dim // 2
        if self.layer_types is None:
            self.layer_types = [FULL if layer % 4 == 0 else SLIDING for layer in range(layers)]
        if self.mlp_layer_types is None:
            self.mlp_layer_types = [
                "dense" if layer < self.first_dense_layers else "sparse" for layer in range(layers)
            ]
        if self.mtp_layer_types is None:
            self.mtp_layer_types = [SLIDING] * self.num_nextn_predict_layers
        if self.mtp_mlp_layer_types is None:
            self.mtp_mlp_layer_types = ["dense"] * self.num_nextn_predict_layers
        if self.rope_parameters is None:
            full_theta = self.rope_theta if self.full_rope_theta is None else self.full_rope_theta
            full = {"rope_type": "default", "rope_theta": full_theta, "partial_rotary_factor": 0.5}
            sliding = {"rope_type": "default", "rope_theta": self.rope_theta, "partial_rotary_factor": 1.0}
            self.rope_parameters = {FULL: full, SLIDING: sliding}
        super().__post_init__(**kwargs)

    def heads(self, layer_type: str) -> int:
        """Return the number of query heads of a layer type."""
        if layer_type == SLIDING and self.num_sliding_attention_heads is not None:
            return self.num_sliding_attention_heads
        return self.num_attention_heads

    def get_mtp_config(self) -> StepMoeConfig:
        """Return the configuration of the MTP heads as a model of their own, without clipping."""
        config = super().get_mtp_config()
        assert isinstance(config, StepMoeConfig)
        config.swiglu_limits = config.swiglu_limits_shared = None
        return config

    def validate_sizes(self) -> None:
        """Check sizes against each other; the constructor calls it. Raises ValueError."""
        for heads in (self.num_attention_heads, self.num_sliding_attention_heads or self.num_attention_heads):
            if heads % self.num_key_value_heads:
                raise ValueError(
                    f"{heads} attention heads cannot share {self.num_key_value_heads} key-value heads evenly."
                )
        if self.num_experts_per_tok > self.n_routed_experts:
            raise ValueError(
                f"A token cannot go to {self.num_experts_per_tok} of {self.n_routed_experts} experts."
            )
        if self.expert_groups and self.n_routed_experts % self.expert_groups:
            raise ValueError(
                f"{self.n_routed_experts} experts do not divide into {self.expert_groups} equal groups."
            )
        if SLIDING in (self.layer_types or []) + (self.mtp_layer_types or []) and not self.sliding_window:
            raise ValueError("A sliding layer needs `sliding_window`.")
        for name, types, count in (
            ("mlp_layer_types", self.mlp_layer_types, self.num_hidden_layers),
            ("mtp_layer_types", self.mtp_layer_types, self.num_nextn_predict_layers),
            ("mtp_mlp_layer_types", self.mtp_mlp_layer_types, self.num_nextn_predict_layers),
            ("swiglu_limits", self.swiglu_limits, self.num_hidden_layers),
            ("swiglu_limits_shared", self.swiglu_limits_shared, self.num_hidden_layers),
        ):
            if types is not None and len(types) != count:
                raise ValueError(f"`{name}` has {len(types)} entries for {count} layers.")
