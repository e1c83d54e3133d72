"""Estimate each accelerator's memory in training, from a model's blocks; FSDP shards the weights over all processes.

Trained weights, gradients and AdamW's two moments are FP32; with bfloat16 the model computes under autocast. A test compares
the activation counts with transformers' Qwen2. The estimate omits the token copies that a mixture sends to several experts,
and adds parts that do not all peak at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

from stepprove.serving.serve.work import Architecture, Layer

RESERVE_GB = 5.0
"""Reserve on each accelerator for CUDA, communication buffers and fragmentation, in 10**9 B; our choice."""
_MASTER = 4
_MOMENTS = 8
_LOSS = 12
"""Bytes per logit, in FP32: the log-probability and two gradients, once the logits are freed."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """The memory of one accelerator, in 10**9 B."""

    weights: float
    gradients: float
    moments: float
    """AdamW's two moments."""
    gathered: float
    """Unsharded weights and gradients: the current layer, the next one, and the embeddings; for one process, the compute
    copies."""
    activations: float
    """Activations kept for the backward pass."""
    logits: float
    """Log-probabilities and gradients at the loss."""

    @property
    def total(self) -> float:
        """The sum, without the reserve."""
        parts = (self.weights, self.gradients, self.moments, self.gathered, self.activations, self.logits)
        return sum(parts)


def memory(
    model: Architecture, *, processes: int, tokens: int, bf16: bool = True, recompute: bool = True
) -> MemoryUse:
    """Estimate a process's memory.

    Args:
        model: the architecture.
        processes: training processes, at least 1.
        tokens: most tokens of a batch, at least 1.
        bf16: compute in bfloat16.
        recompute: activation checkpointing.

    Raises:
        ValueError: `processes` or `tokens` is below 1.
    """
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
    """Return the bytes of activations that autograd keeps for each token of a layer."""
    queries, cached = layer.attention.context_flops / 4, layer.attention.cached_values
    width = layer.feed_forward.active / (3 * hidden)
    if bf16:
        return 26 * hidden + 4 * queries + 2 * cached + 8 * width
    return 24 * hidden + 8 * queries + 4 * cached + 16 * width


def _kept(model: Architecture, bf16: bool, recompute: bool) -> float:
    """Activation bytes for each token."""
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
