"""A model's `config.json` gives the same architecture as its paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepprove.serving.hf_config import UnknownArchitecture, read_config
from stepprove.serving.work import DEEPSEEK_V3, QWEN3_32B, QWEN3_235B, Architecture

QWEN3_32B_CONFIG: dict[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 5120,
    "num_hidden_layers": 64,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 25_600,
    "vocab_size": 151_936,
    "sliding_window": None,
}
QWEN3_235B_CONFIG: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "hidden_size": 4096,
    "num_hidden_layers": 94,
    "num_attention_heads": 64,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "intermediate_size": 12_288,
    "moe_intermediate_size": 1536,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "vocab_size": 151_936,
}
DEEPSEEK_CONFIG: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "intermediate_size": 18_432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "vocab_size": 129_280,
}


@pytest.mark.parametrize(
    ("config", "published"),
    [(QWEN3_32B_CONFIG, QWEN3_32B), (QWEN3_235B_CONFIG, QWEN3_235B), (DEEPSEEK_CONFIG, DEEPSEEK_V3)],
    ids=["Qwen3-32B", "Qwen3-235B-A22B", "DeepSeek-V3"],
)
def test_a_published_model(config: dict[str, Any], published: Architecture) -> None:
    assert replace(read_config(config, "m"), name=published.name) == published


def test_sliding_layers_keep_their_window_alone() -> None:
    layers = ["sliding_attention", "full_attention"] * 32
    config = QWEN3_32B_CONFIG | {"layer_types": layers, "sliding_window": 512}
    model = read_config(config, "m")
    assert [layer.attention.window for layer in model.layers[:3]] == [512, None, 512]
    assert model.kv_bytes(10_000) < QWEN3_32B.kv_bytes(10_000) * 0.53


def test_a_head_dimension_that_is_not_given_is_the_heads_share() -> None:
    config = {name: value for name, value in QWEN3_32B_CONFIG.items() if name != "head_dim"}
    assert read_config(config, "m").layers[0].attention.cached_values == 2 * 8 * 80


def test_tied_embeddings_count_once() -> None:
    tied = read_config(QWEN3_32B_CONFIG | {"tie_word_embeddings": True}, "m")
    assert QWEN3_32B.parameters - tied.parameters == 151_936 * 5120


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "mamba"}, "is of the kind 'mamba'; known are deepseek_v3"),
        ({}, "of the kind None"),
        ({"model_type": "qwen3"}, "cannot be read"),
        (QWEN3_32B_CONFIG | {"num_hidden_layers": "many"}, "cannot be read"),
        (QWEN3_32B_CONFIG | {"layer_types": ["full_attention"]}, "cannot be read"),
    ],
)
def test_what_is_no_configuration_is_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownArchitecture, match=words):
        read_config(config, "m")


@given(
    st.dictionaries(
        st.sampled_from(sorted(DEEPSEEK_CONFIG)), st.none() | st.integers(-3, 5) | st.text(max_size=3)
    )
)
def test_any_values_give_an_architecture_or_a_refusal(change: dict[str, Any]) -> None:
    try:
        read_config(DEEPSEEK_CONFIG | change, "m")
    except UnknownArchitecture as refusal:
        assert str(refusal)
