"""Experts as matrix products: tokens sorted by expert, one product for each expert's rows.

Written as one autograd function over existing kernels, for what autograd would make of the pieces is slow on a CPU: the gradient
of gathering rows is a scattering add, while a sort can be undone, forward and backward, by another gathering.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FEW_TOKENS, SMALL_EXPERTS = 32, 1_000_000
"""Up to this many tokens, and weights in all experts, running every expert on every token beats sorting."""

FEW_TOKENS_ON_GPU, SMALL_EXPERTS_ON_GPU = 512, 50_000_000
"""The same on a GPU, where sorting waits for the CPU."""


def swiglu(gate: Tensor, up: Tensor, limit: float | None) -> Tensor:
    """Return `silu(gate) * up`, both clipped to `limit` (the gate from above only), as in some layers of Step 3.5 Flash."""
    gate = functional.silu(gate)
    if limit:
        gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    return gate * up


def _at_once(rows: Tensor) -> bool:
    """Return whether a GPU kernel can multiply all experts at once, without row counts on the CPU."""
    return rows.is_cuda and rows.dtype == torch.bfloat16


def _products(rows: Tensor, matrices: Tensor, ends: Tensor) -> Tensor:
    """Multiply each expert's rows (consecutive, ending at `ends`) by its matrix (experts, in, out)."""
    if _at_once(rows):
        together: Tensor = functional.grouped_mm(rows, matrices, offs=ends)
        return together
    output = rows.new_empty(rows.shape[0], matrices.shape[2])
    start = 0
    for matrix, end in zip(matrices, ends.tolist(), strict=True):
        if start < end:
            torch.mm(rows[start:end], matrix, out=output[start:end])
        start = end
    return output


def _outer_products(left: Tensor, right: Tensor, ends: Tensor) -> Tensor:
    """Multiply each expert's transposed rows of `left` by its rows of `right`: (experts, left width, right width)."""
    if _at_once(left):
        together: Tensor = functional.grouped_mm(left.t(), right, offs=ends)
        return together
    output = left.new_zeros(len(ends), left.shape[1], right.shape[1])
    start = 0
    for matrix, end in zip(output, ends.tolist(), strict=True):
        if start < end:
            torch.mm(left[start:end].t(), right[start:end], out=matrix)
        start = end
    return output


class GroupedSwiGlu(torch.autograd.Function):
    """See `grouped_swiglu`."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        indices: Tensor,
        weights: Tensor,
        gate_up_proj: Tensor,
        down_proj: Tensor,
        limit: float | None,
    ) -> Tensor:
        """The weighted sum of the experts' outputs."""
        tokens, chosen = indices.shape
        flat = indices.reshape(-1)
        order = flat.argsort(stable=True)
        ends = flat.bincount(minlength=gate_up_proj.shape[0]).cumsum(0).int()
        place = torch.empty_like(order)
        place[order] = torch.arange(order.shape[0], device=order.device)
        rows = hidden.index_select(0, order // chosen)
        gate, up = _products(rows, gate_up_proj.transpose(1, 2), ends).chunk(2, dim=-1)
        outputs = _products(swiglu(gate, up, limit), down_proj.transpose(1, 2), ends).index_select(0, place)
        if ctx is not None:
            ctx.save_for_backward(hidden, weights, gate_up_proj, down_proj, order, place, gate, up, ends)
            ctx.limit = limit
        return torch.bmm(weights.unsqueeze(1), outputs.view(tokens, chosen, -1)).squeeze(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for `hidden`, `weights` and the two stacks of matrices."""
        hidden, weights, gate_up_proj, down_proj, order, place, gate, up, ends = ctx.saved_tensors
        limit = ctx.limit
        tokens, chosen = weights.shape
        token = order // chosen
        scale = weights.reshape(-1).index_select(0, order).unsqueeze(1)
        sigmoid = gate.sigmoid()
        opened = gate * sigmoid
        kept_gate, kept_up = (opened.clamp(max=limit), up.clamp(-limit, limit)) if limit else (opened, up)
        inner = kept_gate * kept_up
        rows_gradient = gradients[0].index_select(0, token)
        # the output is linear in weight and in inner activations alike: one product serves both gradients
        through_down = _products(rows_gradient, down_proj, ends)
        weights_gradient = (through_down * inner).sum(-1).index_select(0, place).view(tokens, chosen)
        down_gradient = _outer_products(rows_gradient, inner * scale, ends)
        inner_gradient = through_down * scale
        gate_gradient, up_gradient = inner_gradient * kept_up, inner_gradient * kept_gate
        if limit:
            gate_gradient = gate_gradient * (opened <= limit)
            up_gradient = up_gradient * (up.abs() <= limit)
        gate_gradient = gate_gradient * (sigmoid * (1 + gate - opened))
        both = torch.cat([gate_gradient, up_gradient], dim=-1)
        rows = hidden.index_select(0, token)
        gate_up_gradient = _outer_products(both, rows, ends)
        hidden_gradient = (
            _products(both, gate_up_proj, ends).index_select(0, place).view(tokens, chosen, -1).sum(1)
        )
        return hidden_gradient, None, weights_gradient, gate_up_gradient, down_gradient, None


def dense_swiglu(
    hidden: Tensor,
    indices: Tensor,
    weights: Tensor,
    gate_up_proj: Tensor,
    down_proj: Tensor,
    limit: float | None,
) -> Tensor:
    """Compute `grouped_swiglu` from all experts' outputs for all tokens: two products for any routing."""
    experts, tokens = gate_up_proj.shape[0], hidden.shape[0]
    shares = weights.new_zeros(tokens, experts).scatter_(1, indices, weights)
    both = torch.bmm(hidden.expand(experts, -1, -1), gate_up_proj.transpose(1, 2))
    gate, up = both.chunk(2, dim=-1)
    inner = swiglu(gate, up, limit).mul_(shares.t().unsqueeze(-1))
    return torch.bmm(inner, down_proj.transpose(1, 2)).sum(0)


def grouped_swiglu(
    hidden: Tensor,
    indices: Tensor,
    weights: Tensor,
    gate_up_proj: Tensor,
    down_proj: Tensor,
    limit: float | None = None,
) -> Tensor:
    """Compute each token's weighted sum of its experts' outputs.

    `hidden` is (tokens, width), `indices` and `weights` (tokens, chosen), `gate_up_proj` (experts, 2 * inner, width) and
    `down_proj` (experts, width, inner). An expert is `down(silu(gate) * up)`, both factors clipped to `limit` if there is one.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        hidden, weights = hidden.to(dtype), weights.to(dtype)
        gate_up_proj, down_proj = gate_up_proj.to(dtype), down_proj.to(dtype)
    if torch.is_grad_enabled():
        output: Tensor = GroupedSwiGlu.apply(hidden, indices, weights, gate_up_proj, down_proj, limit)
        return output
    tokens, size = (
        (FEW_TOKENS_ON_GPU, SMALL_EXPERTS_ON_GPU) if hidden.is_cuda else (FEW_TOKENS, SMALL_EXPERTS)
    )
    few = hidden.shape[0] <= tokens and gate_up_proj.numel() + down_proj.numel() <= size
    compute = dense_swiglu if few else partial(GroupedSwiGlu.forward, None)
    return compute(hidden, indices, weights, gate_up_proj, down_proj, limit)
