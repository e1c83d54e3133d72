"""Causal attention on the CPU, in blocks of queries with the keys of their window.

With a mask, which a window needs, PyTorch's CPU kernel computes the scores of the whole square; its gradient is slow even
without one. Here each block of queries multiplies only the keys of its window, at full speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 64
"""Queries in a block; 32 to 128 are about equally fast."""

LONGEST_WITHOUT_WINDOW = 1024
"""Above this length PyTorch's own kernel is as fast, and its memory grows linearly."""


def _blocks(length: int, window: int | None) -> Iterator[tuple[int, int, int]]:
    """Yield each block's first and past-the-last query, and its first key."""
    for start in range(0, length, BLOCK):
        yield start, min(length, start + BLOCK), 0 if window is None else max(0, start - window + 1)


def _bias(start: int, end: int, first: int, window: int | None, groups: int, like: Tensor) -> Tensor:
    """Return a block's bias: 0 for visible keys, minus infinity for others; each query has `groups` rows."""
    queries = torch.arange(start, end, device=like.device).repeat_interleave(groups).unsqueeze(1)
    keys = torch.arange(first, end, device=like.device).unsqueeze(0)
    hidden = keys > queries
    if window is not None:
        hidden |= keys <= queries - window
    return torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, -torch.inf)


class BlockAttention(torch.autograd.Function):
    """See `block_attention`. A key head's queries are adjacent: rows (batch * key heads, length * groups, head_dim)."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, window: int | None, scaling: float
    ) -> Tensor:
        """Compute the output."""
        batch, length, heads, width = query.shape
        shared = key.shape[2]
        groups = heads // shared
        rows = (
            query.reshape(batch, length, shared, groups, width)
            .transpose(1, 2)
            .reshape(batch * shared, -1, width)
        )
        key, value = (part.transpose(1, 2).reshape(batch * shared, length, width) for part in (key, value))
        output = torch.empty_like(rows)
        biases: dict[tuple[int, int], Tensor] = {}
        probabilities = []
        for start, end, first in _blocks(length, window):
            shape = (end - start, start - first)
            if shape not in biases:
                biases[shape] = _bias(start, end, first, window, groups, rows)
            block = slice(start * groups, end * groups)
            scores = torch.baddbmm(
                biases[shape], rows[:, block], key[:, first:end].transpose(1, 2), alpha=scaling
            )
            probabilities.append(scores.softmax(-1))
            output[:, block] = torch.bmm(probabilities[-1], value[:, first:end])
        if ctx is not None:
            ctx.save_for_backward(rows, key, value, output, *probabilities)
            ctx.shape, ctx.groups, ctx.window, ctx.scaling = query.shape, groups, window, scaling
        return output.view(batch, shared, length, groups, width).transpose(1, 2).reshape(query.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients of query, key and value."""
        rows, key, value, output, *probabilities = ctx.saved_tensors
        batch, length, heads, width = ctx.shape
        groups = ctx.groups
        shared = heads // groups
        upper = gradients[0].reshape(batch, length, shared, groups, width).transpose(1, 2).reshape(rows.shape)
        query_gradient, key_gradient, value_gradient = (
            torch.empty_like(rows),
            torch.zeros_like(key),
            torch.zeros_like(value),
        )
        mean = (upper * output).sum(-1, keepdim=True)
        for (start, end, first), weights in zip(_blocks(length, ctx.window), probabilities, strict=True):
            block = slice(start * groups, end * groups)
            value_gradient[:, first:end].baddbmm_(weights.transpose(1, 2), upper[:, block])
            through = torch.baddbmm(
                mean[:, block], upper[:, block], value[:, first:end].transpose(1, 2), beta=-1
            )
            scores_gradient = through.mul_(weights)
            query_gradient[:, block] = torch.bmm(scores_gradient, key[:, first:end]).mul_(ctx.scaling)
            key_gradient[:, first:end].baddbmm_(
                scores_gradient.transpose(1, 2), rows[:, block], alpha=ctx.scaling
            )
        query_gradient = query_gradient.view(batch, shared, length, groups, width).transpose(1, 2)
        key_gradient, value_gradient = (
            part.view(batch, shared, length, width).transpose(1, 2) for part in (key_gradient, value_gradient)
        )
        return query_gradient.reshape(ctx.shape), key_gradient, value_gradient, None, None


def block_attention(query: Tensor, key: Tensor, value: Tensor, window: int | None, scaling: float) -> Tensor:
    """Compute causal attention within a window.

    Args:
        query: (batch, length, heads, head_dim); `heads` is a multiple of the key heads.
        key: (batch, length, key heads, head_dim).
        value: as `key`.
        window: keys visible to a query, its own included; None: all before it.
        scaling: factor of the scores.

    Returns:
        The output, shaped as `query`.
    """
    if torch.is_grad_enabled():
        output: Tensor = BlockAttention.apply(query, key, value, window, scaling)
        return output
    return BlockAttention.forward(None, query, key, value, window, scaling)


@lru_cache(maxsize=32)
def last_tokens_mask(length: int, keys: int, window: int | None) -> Tensor:
    """Return the mask of the last `length` of `keys` tokens: True for a token itself and those before it, within `window`."""
    queries = torch.arange(keys - length, keys).unsqueeze(1)
    others = torch.arange(keys).unsqueeze(0)
    seen = others <= queries
    return seen if window is None else seen & (others > queries - window)


def unmasked_attention(
    query: Tensor, key: Tensor, value: Tensor, window: int | None, scaling: float
) -> Tensor | None:
    """Compute causal attention on a CPU, without padding.

    Args:
        query: (batch, length, heads, head_dim), of the last tokens.
        key: (batch, key heads, keys, head_dim), as in the cache.
        value: as `key`.
        window: keys visible to a query when there are several, its own included; None: all before it.
        scaling: factor of the scores.

    Returns:
        The output, shaped as `query`; None for shapes without an implementation here.
    """
    batch, length, heads, width = query.shape
    shared, keys = key.shape[1], key.shape[2]
    if length == 1:
        grouped = query.view(batch, shared, heads // shared, width)
        return functional.scaled_dot_product_attention(grouped, key, value, scale=scaling).view(query.shape)
    if length > keys:
        return None
    if length < keys:
        return functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            key,
            value,
            last_tokens_mask(length, keys, window),
            scale=scaling,
            enable_gqa=True,
        ).transpose(1, 2)
    if window is not None and window >= length:
        window = None
    if window is None and length > LONGEST_WITHOUT_WINDOW:
        return functional.scaled_dot_product_attention(
            query.transpose(1, 2), key, value, is_causal=True, scale=scaling, enable_gqa=True
        ).transpose(1, 2)
    return block_attention(query, key.transpose(1, 2), value.transpose(1, 2), window, scaling)
