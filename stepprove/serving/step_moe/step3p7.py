"""Convert a StepMoE configuration to transformers' Step 3.7 text model, which loads our weights by name."""

from __future__ import annotations

from transformers import Step3p7TextConfig

from stepprove.serving.step_moe.configuration import StepMoeConfig


def step3p7_text_config(config: StepMoeConfig) -> Step3p7TextConfig:
    """Return the configuration with which `Step3p7TextModel` computes the same as our `StepMoeModel` and loads its weights.

    Raises ValueError for what only we have: MFA, or heads without gates.
    """
    if config.attention != "gqa" or not config.head_gate:
        raise ValueError("Step 3.7 has grouped-query attention with gated heads, and nothing else.")
    return Step3p7TextConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_hidden_layers,
        max_position_embeddings=config.max_position_embeddings,
        initializer_range=config.initializer_range,
        rms_norm_eps=config.rms_norm_eps,
        tie_word_embeddings=config.tie_word_embeddings,
        # transformers' embedding needs a padding token within the vocabulary; without training its row is an ordinary one
        pad_token_id=config.pad_token_id or 0,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        num_attention_heads=config.num_attention_heads,
        num_sliding_attention_heads=config.num_sliding_attention_heads,
        num_key_value_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        attention_dropout=config.attention_dropout,
        layer_types=list(config.layer_types or []),
        sliding_window=config.sliding_window,
        rope_parameters=config.rope_parameters,
        mlp_layer_types=list(config.mlp_layer_types or []),
        n_routed_experts=config.n_routed_experts,
        num_experts_per_tok=config.num_experts_per_tok,
        moe_intermediate_size=config.moe_intermediate_size,
        share_expert_dim=config.share_expert_dim,
        moe_router_scaling_factor=config.moe_router_scaling_factor,
        swiglu_limits=config.swiglu_limits,
        swiglu_limits_shared=config.swiglu_limits_shared,
        num_nextn_predict_layers=config.num_nextn_predict_layers,  # type: ignore[call-arg]
        mtp_layer_types=config.mtp_layer_types,
        mtp_mlp_layer_types=config.mtp_mlp_layer_types,
    )
