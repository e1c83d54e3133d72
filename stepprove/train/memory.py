"""What training takes of each accelerator's memory, counted from a model's blocks; FSDP shards the weights over all processes.

The weights that are trained, their gradients and AdamW's two moments are FP32; in bfloat16 the model computes under autocast.
What autograd keeps was measured on transformers' Qwen2, whose tests hold it to these counts; of a mixture, the copies of tokens
that are sent to several experts are left out. The sum is of parts that do not all peak at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from stepprove.serving.serve.work import Architecture, Layer

RESERVE_GB = 5.0
"""Kept for CUDA, the communication's buffers and fragments on each accelerator (10**9 B); our choice."""
_MASTER = 4
_MOMENTS = 8
_LOSS = 12
"""Of each logit, in FP32: its log-probability and two gradients, after the logits themselves are gone."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """On each accelerator, in 10**9 B."""

    weights: float
    gradients: float
    moments: float
    """AdamW's."""
    gathered: float
    """Weights that are whole while they are used, and gradients until they are sharded: the layer at work, the next one, and the
    embeddings; of one process, the copies in which it computes."""
    activations: float
    """Kept for the way back."""
    logits: float
    """Of them their probabilities and gradients, at the loss."""

    @property
    def total(self) -> float:
        """All of it, the reserve apart."""
        parts = (self.weights, self.gradients, self.moments, self.gathered, self.activations, self.logits)
        return sum(parts)


def memory(
    model: Architecture, *, processes: int, tokens: int, bf16: bool = True, recompute: bool = True
) -> MemoryUse:
    """What each of so many processes needs for batches of `tokens`. Raises ValueError below one of either."""
    if processes < 1 or tokens < 1:
        raise ValueError("training needs at least one process and one token")
    share = model.parameters / processes / 1e9
    return MemoryUse(
        weights=_MASTER * share,
        gradients=_MASTER * share,
        moments=_MOMENTS * share,
        gathered=_gathered(model, processes, 2 if bf16 else 4) / 1e9,
        activations=tokens * _kept(model, bf16, recompute) / 1e9,
        logits=tokens * model.vocabulary * _LOSS / 1e9,
    )


def layer_bytes(layer: Layer, hidden: int, bf16: bool) -> float:
    """What autograd keeps of one layer for each token."""
    queries, cached = layer.attention.context_flops / 4, layer.attention.cached_values
    width = layer.feed_forward.active / (3 * hidden)
    if bf16:
        return 26 * hidden + 4 * queries + 2 * cached + 8 * width
    return 24 * hidden + 8 * queries + 4 * cached + 16 * width


def _kept(model: Architecture, bf16: bool, recompute: bool) -> float:
    """Bytes for each token."""
    layers = [layer_bytes(layer, model.hidden, bf16) for layer in model.layers]
    if not recompute:
        return sum(layers)
    return 4 * model.hidden * len(layers) + max(layers)


def _gathered(model: Architecture, processes: int, width: int) -> float:
    if processes == 1:
        return 0.0 if width == _MASTER else float(width * model.parameters)
    embeddings = model.vocabulary * model.hidden * (1 if model.tied_embeddings else 2)
    largest = max(layer.attention.parameters + layer.feed_forward.held for layer in model.layers)
    return float(width * (embeddings + 2 * largest) + width * (embeddings + largest))
