"""A model's `config.json` gives the same architecture as its paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepprove.serving.planning.hf_config import UnknownArchitecture, read_config
from stepprove.serving.serve.work import (
    DEEPSEEK_V3,
    QWEN3_32B,
    QWEN3_235B,
    STEP_3,
    STEP_35_FLASH,
    Architecture,
)
from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM

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


STEP_3_CONFIG: dict[str, Any] = {
    "model_type": "step3_text",
    "hidden_size": 7168,
    "intermediate_size": 18_432,
    "num_attention_heads": 64,
    "num_attention_groups": 1,
    "num_hidden_layers": 61,
    "head_dim": 256,
    "share_q_dim": 2048,
    "moe_intermediate_size": 5120,
    "moe_num_experts": 48,
    "moe_top_k": 3,
    "share_expert_dim": 5120,
    "moe_layers_enum": ",".join(str(layer) for layer in range(4, 60)),
    "vocab_size": 129_280,
}
STEP_35_CONFIG: dict[str, Any] = {
    "model_type": "step3p5",
    "hidden_size": 4096,
    "intermediate_size": 11_264,
    "num_attention_heads": 64,
    "num_attention_groups": 8,
    "attention_other_setting": {"num_attention_heads": 96, "num_attention_groups": 8},
    "num_hidden_layers": 45,
    "num_nextn_predict_layers": 3,
    "head_dim": 128,
    "sliding_window": 512,
    "layer_types": (["full_attention"] + ["sliding_attention"] * 3) * 12,
    "moe_intermediate_size": 1280,
    "moe_num_experts": 288,
    "moe_top_k": 8,
    "share_expert_dim": 1280,
    "moe_layers_enum": ",".join(str(layer) for layer in range(3, 45)),
    "vocab_size": 128_896,
}


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (STEP_3_CONFIG, STEP_3),
        ({"model_type": "step3_vl", "text_config": STEP_3_CONFIG}, STEP_3),
        (STEP_35_CONFIG, STEP_35_FLASH),
    ],
    ids=["Step-3", "Step-3 that sees", "Step-3.5-Flash"],
)
def test_the_models_of_stepfun(config: dict[str, Any], published: Architecture) -> None:
    assert replace(read_config(config, "m"), name=published.name) == published


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
def test_a_step_moe_of_ours_counts_its_own_parameters(attention: str) -> None:
    config = StepMoeConfig(attention=attention, num_hidden_layers=5)
    model = StepMoeForCausalLM(config)
    read = read_config(config.to_dict(), "m")
    small = sum(p.numel() for name, p in model.named_parameters() if "norm" in name or "gate.weight" in name)
    assert read.parameters == sum(weight.numel() for weight in model.parameters()) - small


def test_mixtures_of_other_makers() -> None:
    mixtral = {
        "model_type": "mixtral",
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "num_hidden_layers": 32,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
        "vocab_size": 32_000,
    }
    gpt_oss = {
        "model_type": "gpt_oss",
        "hidden_size": 2880,
        "intermediate_size": 2880,
        "head_dim": 64,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "num_hidden_layers": 36,
        "num_local_experts": 128,
        "experts_per_token": 4,
        "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 18,
        "vocab_size": 201_088,
    }
    assert read_config(mixtral, "m").parameters == pytest.approx(46.7e9, rel=0.005)
    assert read_config(mixtral, "m").active_parameters == pytest.approx(12.8e9, rel=0.02)
    assert read_config(gpt_oss, "m").parameters == pytest.approx(117e9, rel=0.01)
    assert read_config(gpt_oss, "m").active_parameters == pytest.approx(5.1e9, rel=0.02)


CONFIGS = (QWEN3_32B_CONFIG, QWEN3_235B_CONFIG, DEEPSEEK_CONFIG, STEP_3_CONFIG, STEP_35_CONFIG)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([10**18, float("inf"), float("nan")])
    | st.text(max_size=3)
    | st.lists(st.integers(-3, 5) | st.text(max_size=3), max_size=3)
    | st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=2)
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(CONFIGS).flatmap(
        lambda config: st.tuples(
            st.just(config), st.dictionaries(st.sampled_from(sorted(config)), VALUES, max_size=3)
        )
    )
)
def test_any_values_give_an_architecture_or_a_refusal(changed: tuple[dict[str, Any], dict[str, Any]]) -> None:
    config, change = changed
    try:
        read_config(config | change, "m")
    except UnknownArchitecture as refusal:
        assert str(refusal)
