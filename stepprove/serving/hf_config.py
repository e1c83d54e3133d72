"""The blocks of a model as its `config.json` on the Hugging Face hub describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepprove.serving.work import Architecture, Attention, FeedForward, dense, experts, gqa, interleave, mla

_PLAIN = frozenset({"llama", "mistral", "qwen2", "qwen3"})
_LATENT = frozenset({"deepseek_v3", "kimi_k2"})


class UnknownArchitecture(ValueError):
    """The configuration is of a kind that is not known here, or lacks what its kind needs; the message is one sentence."""


def read_config(config: Mapping[str, Any], name: str) -> Architecture:
    """The architecture of a configuration. Raises UnknownArchitecture."""
    kind = config.get("model_type")
    readers = (
        dict.fromkeys(_PLAIN, _grouped_dense)
        | {"qwen3_moe": _grouped_experts}
        | dict.fromkeys(_LATENT, _latent)
    )
    reader = readers.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise UnknownArchitecture(f"{name} is of the kind {kind!r}; known are {', '.join(sorted(readers))}.")
    try:
        layers = int(config["num_hidden_layers"])
        blocks = [reader(config, place) for place in range(layers)]
        return Architecture(
            name,
            int(config["hidden_size"]),
            interleave([attention for attention, _ in blocks], [ffn for _, ffn in blocks]),
            vocabulary=int(config["vocab_size"]),
            tied_embeddings=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError, IndexError) as wrong:
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
            int(config["moe_intermediate_size"]),
            routed=int(config["num_experts"]),
            chosen=int(config["num_experts_per_tok"]),
        )
        if sparse
        else dense(hidden, int(config["intermediate_size"]))
    )
    return _grouped(config, place), ffn


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
