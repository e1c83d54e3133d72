"""Count a transformer's work for one decoded token: KV-cache bytes read, floating-point operations, parameters held.

The counts follow Step-3's paper (arXiv 2507.19427, table 2): attention scores and values over the context, the linear maps
around them, and the feed-forward part; a multiply-add is two operations. Like the paper, they omit embeddings and norms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention of one layer."""

    cached_values: int
    """Values per token in the KV cache."""
    context_flops: int
    """Operations per context token, for scores and weighted values."""
    parameters: int
    """Parameters of the linear maps; a token uses each once."""
    window: int | None = None
    """Width of the sliding window, in tokens; None: full attention."""
    cache_parts: int = 1
    """Parts into which devices can split the cache: its heads. Each device holds a one-head cache whole."""
    heads: int = 1
    """Query heads: the parts into which devices can split the linear maps."""
    state: int = 0
    """Values of linear attention's fixed-size FP32 state, which replaces the growing cache."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The feed-forward part of one layer."""

    active: int
    """Parameters that a token uses."""
    held: int
    """All parameters, unchosen experts included."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One block of a transformer."""

    attention: Attention
    feed_forward: FeedForward


_STATE_BYTES = 4
_STATE_FLOPS = 10
"""Operations per value of the state; not in the paper, but it reproduces table 2's row of MiniMax M1."""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of decoding one token."""

    kv_bytes: float
    """Bytes read from the KV cache, and read and written for a state."""
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
        """All parameters, embeddings included, norms omitted."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2)
        return embeddings + sum(layer.attention.parameters + layer.feed_forward.held for layer in self.layers)

    @property
    def active_parameters(self) -> int:
        """Parameters that a token uses, the output layer included, the embedding lookup omitted."""
        blocks = sum(layer.attention.parameters + layer.feed_forward.active for layer in self.layers)
        return blocks + self.vocabulary * self.hidden

    def kv_bytes(self, context: int, bytes_per_value: float = 1.0, *, devices: int = 1) -> float:
        """Return the bytes of one sequence's KV cache on each device.

        Args:
            context: tokens of the sequence.
            bytes_per_value: of the cache; 1: FP8.
            devices: devices that share every layer.
        """
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
        """Return the work of decoding one token.

        Args:
            context: tokens before it.
            bytes_per_value: of the KV cache; 1: FP8.
        """
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
    """Return grouped-query attention; `gated` adds a gate for each head, as in Step 3.5 Flash."""
    projections = 2 * hidden * heads * head_dim + 2 * hidden * kv_heads * head_dim + gated * hidden * heads
    return Attention(2 * kv_heads * head_dim, 4 * heads * head_dim, projections, window, kv_heads, heads)


def mfa(
    hidden: int, heads: int, head_dim: int, rank: int, *, window: int | None = None, gated: bool = False
) -> Attention:
    """Return multi-matrix factorization attention: low-rank queries, and one key and value head shared by all query heads."""
    projections = hidden * (rank + 2 * head_dim) + rank * heads * head_dim + heads * head_dim * hidden
    projections += gated * hidden * heads
    return Attention(2 * head_dim, 4 * heads * head_dim, projections, window, heads=heads)


def mla(hidden: int, heads: int, q_rank: int, kv_rank: int, nope: int, rope: int, value: int) -> Attention:
    """Return multi-head latent attention with absorbed up-projections, as DeepSeek-V3 decodes: the latent is key and value.

    Like the paper, it counts the rotary part in the weighted values too.
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
    """Return gated linear attention of MiniMax-01 (arXiv 2501.08313): each head has a head_dim x head_dim state."""
    return Attention(0, 0, 5 * hidden * heads * head_dim, heads=heads, state=heads * head_dim**2)


def dense(hidden: int, width: int) -> FeedForward:
    """Return a SwiGLU block."""
    return FeedForward(3 * hidden * width, 3 * hidden * width)


def experts(hidden: int, width: int, *, routed: int, chosen: int, shared: int = 0) -> FeedForward:
    """Return a mixture of SwiGLU experts, without its router; `shared` is the width of the shared expert."""
    one = 3 * hidden * width
    return FeedForward(chosen * one + 3 * hidden * shared, routed * one + 3 * hidden * shared)


def stack(*parts: tuple[int, Attention, FeedForward]) -> tuple[Layer, ...]:
    """Return layers from (count, attention, feed-forward) parts."""
    return tuple(Layer(attention, ffn) for count, attention, ffn in parts for _ in range(count))


def interleave(attention: Sequence[Attention], feed_forward: Sequence[FeedForward]) -> tuple[Layer, ...]:
    """Pair attentions with feed-forward parts. Raises ValueError when their numbers differ."""
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
"""arXiv 2507.19427. The paper omits the feed-forward widths; these reproduce its operations and parameters."""

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
"""Three layers of four attend within chunks of 8,192 tokens; the count takes full attention, exact up to that length."""

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
