"""Read a model's architecture from its `config.json` on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepprove.faults import Failure
from stepprove.serving.serve.work import (
    Architecture,
    Attention,
    FeedForward,
    dense,
    experts,
    gqa,
    interleave,
    mfa,
    mla,
)

_PLAIN = frozenset({"llama", "mistral", "qwen2", "qwen3"})
_LATENT = frozenset({"deepseek_v3", "kimi_k2"})
_ROUTED = frozenset({"gpt_oss", "mixtral", "qwen2_moe", "qwen3_moe"})
_STEP = frozenset({"step3_text", "step3p5", "step_moe"})
_MOST_LAYERS = 10_000
"""Limit on the layers of a configuration, above any real model."""


class UnknownArchitecture(Failure, ValueError):
    """The configuration has an unknown `model_type` or lacks a field; the message is one sentence."""

    exit_code = 2


def read_config(config: Mapping[str, Any], name: str) -> Architecture:
    """Read a configuration; of a multimodal model, its language part.

    Args:
        config: the parsed `config.json`.
        name: the model's name.

    Raises:
        UnknownArchitecture: the kind is unknown, or a field is missing or invalid.
    """
    if isinstance(part := config.get("text_config"), Mapping):
        config = part
    kind = config.get("model_type")
    readers = (
        dict.fromkeys(_PLAIN, _grouped_dense)
        | dict.fromkeys(_ROUTED, _grouped_experts)
        | dict.fromkeys(_STEP, _step)
        | dict.fromkeys(_LATENT, _latent)
    )
    reader = readers.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise UnknownArchitecture(f"{name} is of the kind {kind!r}; known are {', '.join(sorted(readers))}.")
    try:
        layers = int(config["num_hidden_layers"])
        if not 0 < layers <= _MOST_LAYERS:
            raise ValueError(f"num_hidden_layers is {layers}")
        blocks = [reader(config, place) for place in range(layers)]
        return Architecture(
            name,
            int(config["hidden_size"]),
            interleave([attention for attention, _ in blocks], [ffn for _, ffn in blocks]),
            vocabulary=int(config["vocab_size"]),
            tied_embeddings=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError) as wrong:
        raise UnknownArchitecture(f"The configuration of {name} cannot be read ({wrong!r}).") from None


def _grouped(config: Mapping[str, Any], place: int) -> Attention:
    heads = int(config["num_attention_heads"])
    types = config.get("layer_types")
    sliding = types is not None and types[place] == "sliding_attention"
    return gqa(
        int(config["hidden_size"]),
        heads,
        int(config.get("num_key_value_heads") or heads),
        int(config.get("head_dim") or config["hidden_size"] // heads),
        window=int(config["sliding_window"]) if sliding else None,
    )


def _grouped_dense(config: Mapping[str, Any], place: int) -> tuple[Attention, FeedForward]:
    return _grouped(config, place), dense(int(config["hidden_size"]), int(config["intermediate_size"]))


def _grouped_experts(config: Mapping[str, Any], place: int) -> tuple[Attention, FeedForward]:
    hidden = int(config["hidden_size"])
    sparse = (
        place not in config.get("mlp_only_layers", ())
        and (place + 1) % config.get("decoder_sparse_step", 1) == 0
    )
    ffn = (
        experts(
            hidden,
            _first(config, "moe_intermediate_size", "intermediate_size"),
            routed=_first(config, "num_experts", "num_local_experts"),
            chosen=_first(config, "num_experts_per_tok", "experts_per_token"),
            shared=int(config.get("shared_expert_intermediate_size") or 0),
        )
        if sparse
        else dense(hidden, int(config["intermediate_size"]))
    )
    return _grouped(config, place), ffn


def _step(config: Mapping[str, Any], place: int) -> tuple[Attention, FeedForward]:
    """A block of Step-3, Step 3.5 Flash or StepMoE, with the field names of the hub or of transformers."""
    hidden, width = int(config["hidden_size"]), int(config["head_dim"])
    heads = int(config["num_attention_heads"])
    types = config.get("layer_types")
    window = None
    if types is not None and types[place] == "sliding_attention":
        other = config.get("attention_other_setting") or {}
        heads = int(config.get("num_sliding_attention_heads") or other.get("num_attention_heads") or heads)
        window = int(config["sliding_window"])
    of_step_3 = config["model_type"] == "step3_text"
    gated = bool(config.get("head_gate", config.get("use_head_wise_attn_gate", not of_step_3)))
    if config.get("attention", "mfa" if of_step_3 else "gqa") == "mfa":
        rank = _first(config, "query_rank", "share_q_dim")
        attention = mfa(hidden, heads, width, rank, window=window, gated=gated)
    else:
        groups = _first(config, "num_key_value_heads", "num_attention_groups")
        attention = gqa(hidden, heads, groups, width, window=window, gated=gated)
    if not _is_sparse_step(config, place):
        return attention, dense(hidden, int(config["intermediate_size"]))
    return attention, experts(
        hidden,
        int(config["moe_intermediate_size"]),
        routed=_first(config, "n_routed_experts", "moe_num_experts"),
        chosen=_first(config, "num_experts_per_tok", "moe_top_k"),
        shared=_first(config, "share_expert_dim", "share_expert_dims"),
    )


def _is_sparse_step(config: Mapping[str, Any], place: int) -> bool:
    if (types := config.get("mlp_layer_types")) is not None:
        return bool(types[place] == "sparse")
    listed = config.get("moe_layers_enum")
    if listed is None:
        return place >= int(config.get("first_dense_layers", 3))
    return place in {int(layer) for layer in (listed.split(",") if isinstance(listed, str) else listed)}


def _first(config: Mapping[str, Any], *names: str) -> int:
    """Return the first of these fields that is set. Raises KeyError."""
    return int(config[next((name for name in names if config.get(name) is not None), names[0])])


def _latent(config: Mapping[str, Any], place: int) -> tuple[Attention, FeedForward]:
    hidden, width = int(config["hidden_size"]), int(config["moe_intermediate_size"])
    attention = mla(
        hidden,
        int(config["num_attention_heads"]),
        int(config["q_lora_rank"]),
        int(config["kv_lora_rank"]),
        int(config["qk_nope_head_dim"]),
        int(config["qk_rope_head_dim"]),
        int(config["v_head_dim"]),
    )
    if place < int(config.get("first_k_dense_replace", 0)) or place % int(config.get("moe_layer_freq", 1)):
        return attention, dense(hidden, int(config["intermediate_size"]))
    return attention, experts(
        hidden,
        width,
        routed=int(config["n_routed_experts"]),
        chosen=int(config["num_experts_per_tok"]),
        shared=width * int(config.get("n_shared_experts") or 0),
    )
