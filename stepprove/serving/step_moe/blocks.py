"""Causal attention in blocks of queries, each with the keys it may see, for the CPU.

PyTorch's CPU kernel computes the scores of the whole square when it is given a mask, as a window needs one, and its gradient is
slow without one too. Here a block of queries meets only the keys of its window, in matrix products that run at full speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 64
"""Queries in a block; 32 to 128 are about as fast."""

LONGEST_WITHOUT_WINDOW = 1024
"""Beyond it PyTorch's own kernel is as fast, and its memory does not grow with the square of the length."""


def _blocks(length: int, window: int | None) -> Iterator[tuple[int, int, int]]:
    """The first and the past-the-last query of each block, and the first key it sees."""
    for start in range(0, length, BLOCK):
        yield start, min(length, start + BLOCK), 0 if window is None else max(0, start - window + 1)


def _bias(start: int, end: int, first: int, window: int | None, groups: int, like: Tensor) -> Tensor:
    """0 where a query of the block may look and minus infinity elsewhere; each query has `groups` rows."""
    queries = torch.arange(start, end, device=like.device).repeat_interleave(groups).unsqueeze(1)
    keys = torch.arange(first, end, device=like.device).unsqueeze(0)
    hidden = keys > queries
    if window is not None:
        hidden |= keys <= queries - window
    return torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, -torch.inf)


class BlockAttention(torch.autograd.Function):
    """See `block_attention`. A key head's queries lie beside each other: rows (batch * key heads, length * groups, head_dim)."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, window: int | None, scaling: float
    ) -> Tensor:
        """The attention's output."""
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
        """Gradients for query, key and value."""
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
    """Each token's attention to itself and the tokens before it, the last `window` of all these if that is given.

    `query` is (batch, length, heads, head_dim), `key` and `value` (batch, length, key heads, head_dim), with as many queries to
    each key head; so is the output.
    """
    if torch.is_grad_enabled():
        output: Tensor = BlockAttention.apply(query, key, value, window, scaling)
        return output
    return BlockAttention.forward(None, query, key, value, window, scaling)


@lru_cache(maxsize=32)
def last_tokens_mask(length: int, keys: int, window: int | None) -> Tensor:
    """True where one of the last `length` of `keys` tokens may look: at itself and those before it, within `window`."""
    queries = torch.arange(keys - length, keys).unsqueeze(1)
    others = torch.arange(keys).unsqueeze(0)
    seen = others <= queries
    return seen if window is None else seen & (others > queries - window)


def unmasked_attention(
    query: Tensor, key: Tensor, value: Tensor, window: int | None, scaling: float
) -> Tensor | None:
    """Attention on a CPU where no token is padding, or None where that is not of one of the shapes known here.

    `query` is (batch, length, heads, head_dim), `key` and `value` (batch, key heads, keys, head_dim), as caches hold them. The
    queries are of the last tokens; each sees itself and those before it, within `window` if it is one of several.
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
