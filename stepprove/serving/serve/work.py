"""What a transformer does to decode one token: bytes read from the KV cache, floating-point operations, parameters held.

The counts are those of Step-3's paper (arXiv 2507.19427, table 2): attention scores and values over the context, the linear maps
around them, and the feed-forward part; a multiply-add is two operations. Embeddings and norms are left out, as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention of one layer."""

    cached_values: int
    """Numbers kept in the KV cache for each token."""
    context_flops: int
    """Operations for each token of the context: scores and weighted values."""
    parameters: int
    """Of the linear maps around it; each is used once a token."""
    window: int | None = None
    """Tokens that a sliding window sees; None: all."""
    cache_parts: int = 1
    """Into how many parts the cache can be split over devices: its heads; what has one head is held by each device whole."""
    heads: int = 1
    """Of the queries: into how many parts the maps can be split."""
    state: int = 0
    """Numbers of a state of fixed size that linear attention keeps in FP32 in place of a cache that grows."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The feed-forward part of one layer."""

    active: int
    """Parameters that one token uses."""
    held: int
    """Parameters in all, experts that are not chosen included."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One block of a transformer."""

    attention: Attention
    feed_forward: FeedForward


_STATE_BYTES = 4
_STATE_FLOPS = 10
"""For each number of a state; not in the paper, but it gives table 2's row of MiniMax M1."""


@dataclass(frozen=True, slots=True)
class Work:
    """What decoding one token takes."""

    kv_bytes: float
    """Read from the KV cache; of a state, read and written."""
    attention_flops: float
    linear_flops: float
    ffn_flops: float


@dataclass(frozen=True, slots=True)
class Architecture:
    """The blocks of a language model, and its vocabulary."""

    name: str
    hidden: int
    layers: tuple[Layer, ...]
    vocabulary: int = 0
    tied_embeddings: bool = False

    @property
    def parameters(self) -> int:
        """All parameters, embeddings included, norms left out."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2)
        return embeddings + sum(layer.attention.parameters + layer.feed_forward.held for layer in self.layers)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token uses, the output layer included and the look-up of its embedding left out."""
        blocks = sum(layer.attention.parameters + layer.feed_forward.active for layer in self.layers)
        return blocks + self.vocabulary * self.hidden

    def kv_bytes(self, context: int, bytes_per_value: float = 1.0, *, devices: int = 1) -> float:
        """The KV cache of one sequence of `context` tokens, in bytes; on each of so many devices that share every layer."""
        attentions = [layer.attention for layer in self.layers]
        return sum(
            a.cached_values
            * min(context, a.window or context)
            * bytes_per_value
            / min(devices, a.cache_parts)
            + a.state * _STATE_BYTES / min(devices, a.heads)
            for a in attentions
        )

    def work(self, context: int, bytes_per_value: float = 1.0) -> Work:
        """What one token takes after `context` tokens, with a cache of so many bytes a number (1: FP8)."""
        seen = [min(context, layer.attention.window or context) for layer in self.layers]
        state = sum(layer.attention.state for layer in self.layers)
        return Work(
            kv_bytes=self.kv_bytes(context, bytes_per_value) + state * _STATE_BYTES,
            attention_flops=state * _STATE_FLOPS
            + sum(
                layer.attention.context_flops * tokens
                for layer, tokens in zip(self.layers, seen, strict=True)
            ),
            linear_flops=2.0 * sum(layer.attention.parameters for layer in self.layers),
            ffn_flops=2.0 * sum(layer.feed_forward.active for layer in self.layers),
        )


def gqa(
    hidden: int, heads: int, kv_heads: int, head_dim: int, *, window: int | None = None, gated: bool = False
) -> Attention:
    """Grouped-query attention; `gated`: with a gate for each head, as in Step 3.5 Flash."""
    projections = 2 * hidden * heads * head_dim + 2 * hidden * kv_heads * head_dim + gated * hidden * heads
    return Attention(2 * kv_heads * head_dim, 4 * heads * head_dim, projections, window, kv_heads, heads)


def mfa(
    hidden: int, heads: int, head_dim: int, rank: int, *, window: int | None = None, gated: bool = False
) -> Attention:
    """Multi-matrix factorization attention: queries through a low rank, one key and one value head for all."""
    projections = hidden * (rank + 2 * head_dim) + rank * heads * head_dim + heads * head_dim * hidden
    projections += gated * hidden * heads
    return Attention(2 * head_dim, 4 * heads * head_dim, projections, window, heads=heads)


def mla(hidden: int, heads: int, q_rank: int, kv_rank: int, nope: int, rope: int, value: int) -> Attention:
    """Multi-head latent attention with absorbed up-projections, as DeepSeek-V3 decodes: keys and values are the latent itself.

    The paper counts the rotary part in the weighted values too, which this follows.
    """
    projections = (
        hidden * q_rank
        + q_rank * heads * (nope + rope)
        + hidden * (kv_rank + rope)
        + heads * nope * kv_rank
        + heads * kv_rank * value
        + heads * value * hidden
    )
    return Attention(kv_rank + rope, 4 * heads * (kv_rank + rope), projections, heads=heads)


def lightning(hidden: int, heads: int, head_dim: int) -> Attention:
    """Linear attention with a gate on its output, as in MiniMax-01 (arXiv 2501.08313): a state of head_dim x head_dim a head."""
    return Attention(0, 0, 5 * hidden * heads * head_dim, heads=heads, state=heads * head_dim**2)


def dense(hidden: int, width: int) -> FeedForward:
    """A SwiGLU block."""
    return FeedForward(3 * hidden * width, 3 * hidden * width)


def experts(hidden: int, width: int, *, routed: int, chosen: int, shared: int = 0) -> FeedForward:
    """A mixture of SwiGLU experts, `shared` being the width of the part that every token uses; the router is left out."""
    one = 3 * hidden * width
    return FeedForward(chosen * one + 3 * hidden * shared, routed * one + 3 * hidden * shared)


def stack(*parts: tuple[int, Attention, FeedForward]) -> tuple[Layer, ...]:
    """Layers, each part so many times."""
    return tuple(Layer(attention, ffn) for count, attention, ffn in parts for _ in range(count))


def interleave(attention: Sequence[Attention], feed_forward: Sequence[FeedForward]) -> tuple[Layer, ...]:
    """Layers from as many attentions as feed-forward parts. Raises ValueError when their numbers differ."""
    return tuple(Layer(a, f) for a, f in zip(attention, feed_forward, strict=True))


STEP_3 = Architecture(
    "Step-3",
    7168,
    stack(
        (4, mfa(7168, 64, 256, 2048), dense(7168, 18432)),
        (56, mfa(7168, 64, 256, 2048), experts(7168, 5120, routed=48, chosen=3, shared=5120)),
        (1, mfa(7168, 64, 256, 2048), dense(7168, 18432)),
    ),
    vocabulary=129_280,
)
"""arXiv 2507.19427. The widths of its feed-forward parts are not in the paper; these give its operations and parameters."""

DEEPSEEK_V3 = Architecture(
    "DeepSeek-V3",
    7168,
    stack(
        (3, mla(7168, 128, 1536, 512, 128, 64, 128), dense(7168, 18432)),
        (58, mla(7168, 128, 1536, 512, 128, 64, 128), experts(7168, 2048, routed=256, chosen=8, shared=2048)),
    ),
    vocabulary=129_280,
)

KIMI_K2 = Architecture(
    "Kimi K2",
    7168,
    stack(
        (1, mla(7168, 64, 1536, 512, 128, 64, 128), dense(7168, 18432)),
        (60, mla(7168, 64, 1536, 512, 128, 64, 128), experts(7168, 2048, routed=384, chosen=8, shared=2048)),
    ),
    vocabulary=163_840,
)

QWEN3_235B = Architecture(
    "Qwen3-235B-A22B",
    4096,
    stack((94, gqa(4096, 64, 4, 128), experts(4096, 1536, routed=128, chosen=8))),
    vocabulary=151_936,
)

QWEN3_32B = Architecture(
    "Qwen3-32B", 5120, stack((64, gqa(5120, 64, 8, 128), dense(5120, 25_600))), vocabulary=151_936
)

ERNIE_45 = Architecture(
    "ERNIE-4.5-300B-A47B",
    8192,
    stack(
        (3, gqa(8192, 64, 8, 128), dense(8192, 28_672)),
        (51, gqa(8192, 64, 8, 128), experts(8192, 3584, routed=64, chosen=8)),
    ),
    vocabulary=103_424,
)

LLAMA_4_MAVERICK = Architecture(
    "Llama 4 Maverick",
    5120,
    stack(
        *(
            part
            for _ in range(24)
            for part in (
                (1, gqa(5120, 40, 8, 128), dense(5120, 16_384)),
                (1, gqa(5120, 40, 8, 128), experts(5120, 8192, routed=128, chosen=1, shared=8192)),
            )
        )
    ),
    vocabulary=202_048,
)
"""Three layers in four see chunks of 8,192 tokens; counted as if all saw everything, which up to there is the same."""

MINIMAX_M1 = Architecture(
    "MiniMax M1",
    6144,
    stack(
        *(
            (count, attention, experts(6144, 9216, routed=32, chosen=2))
            for _ in range(10)
            for count, attention in ((7, lightning(6144, 64, 128)), (1, gqa(6144, 64, 8, 128)))
        )
    ),
    vocabulary=200_064,
)

PANGU_PRO = Architecture(
    "Pangu Pro MoE",
    5120,
    stack((48, gqa(5120, 40, 8, 128), experts(5120, 1344, routed=64, chosen=8, shared=4 * 1344))),
    vocabulary=153_376,
)

STEP_35_FLASH = Architecture(
    "Step-3.5-Flash",
    4096,
    interleave(
        [
            gqa(4096, 64, 8, 128, gated=True)
            if place % 4 == 0
            else gqa(4096, 96, 8, 128, window=512, gated=True)
            for place in range(45)
        ],
        [dense(4096, 11_264)] * 3 + [experts(4096, 1280, routed=288, chosen=8, shared=1280)] * 42,
    ),
    vocabulary=128_896,
)
"""arXiv 2602.10604, table 6: a full-attention layer, then eleven times three of sliding windows and a full one; MTP left out."""
