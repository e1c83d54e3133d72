"""Feed-forward parts: a dense gated layer, routed experts, and their router."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.experts.grouped import grouped_swiglu, swiglu
from stepprove.serving.step_moe.joined import Joined


class StepMoeMLP(nn.Module):
    """A gated feed-forward layer: a dense layer's, or the shared expert."""

    def __init__(self, hidden_size: int, inner_size: int, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit
        self._joined = Joined()
        self.gate_proj = nn.Linear(hidden_size, inner_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, inner_size, bias=False)
        self.down_proj = nn.Linear(inner_size, hidden_size, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map `hidden` of shape (..., hidden_size) to the same shape."""
        gate, up = self._joined(hidden, [self.gate_proj, self.up_proj])
        output: Tensor = self.down_proj(swiglu(gate, up, self.limit))
        return output


class StepMoeRouter(nn.Module):
    """Chooses each token's experts by score plus bias, and weights them by score alone.

    Scores are sigmoids in 32 bits; the chosen ones' are scaled to sum to one. `e_score_correction_bias` is moved by
    `balance.update_router_biases`, never by gradients.
    """

    def __init__(self, config: StepMoeConfig) -> None:
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts, config.hidden_size))
        self.register_buffer("e_score_correction_bias", torch.zeros(config.n_routed_experts))
        self.register_buffer("load", torch.zeros(config.n_routed_experts), persistent=False)
        self.e_score_correction_bias: Tensor
        self.load: Tensor
        """Tokens routed to each expert in training since the last update of the biases."""

    def forward(self, hidden: Tensor, counted: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (tokens, experts), weights and indices (tokens, chosen experts) for `hidden` (tokens, width).

        In training the tokens that are `counted` (all if it is None) are added to `load`.
        """
        logits = functional.linear(hidden.float(), self.weight.float())
        scores = logits.sigmoid()
        indices = torch.topk(scores + self.e_score_correction_bias, self.top_k, dim=-1, sorted=False).indices
        weights = scores.gather(1, indices)
        if self.training:
            chosen = indices if counted is None else indices[counted]
            self.load += chosen.flatten().bincount(minlength=self.load.shape[0])
        return logits, weights / weights.sum(dim=-1, keepdim=True), indices


class StepMoeExperts(nn.Module):
    """The routed experts, each a gated feed-forward layer, with their weights stacked."""

    def __init__(self, config: StepMoeConfig, limit: float | None) -> None:
        super().__init__()
        experts, inner, width = config.n_routed_experts, config.moe_intermediate_size, config.hidden_size
        self.limit = limit
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * inner, width))
        self.down_proj = nn.Parameter(torch.empty(experts, width, inner))

    def forward(self, hidden: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
        """The weighted sum of each token's experts for `hidden` (tokens, width)."""
        return grouped_swiglu(hidden, indices, weights, self.gate_up_proj, self.down_proj, self.limit)


class StepMoeSparseBlock(nn.Module):
    """The shared expert's output plus the routed experts' times a factor."""

    def __init__(self, config: StepMoeConfig, layer_idx: int) -> None:
        super().__init__()
        limit = config.swiglu_limits[layer_idx] if config.swiglu_limits else None
        shared_limit = config.swiglu_limits_shared[layer_idx] if config.swiglu_limits_shared else None
        self.gate = StepMoeRouter(config)
        self.experts = StepMoeExperts(config, limit)
        self.shared_experts = StepMoeMLP(config.hidden_size, config.share_expert_dim, shared_limit)
        self.routed_scaling_factor = config.moe_router_scaling_factor

    def forward(self, hidden: Tensor, counted: Tensor | None = None) -> Tensor:
        """Map `hidden` of shape (batch, sequence, width) to the same shape; `counted` as in the router, but (batch, sequence)."""
        tokens = hidden.reshape(-1, hidden.shape[-1])
        _, weights, indices = self.gate(tokens, None if counted is None else counted.flatten())
        routed = self.experts(tokens, indices, (weights * self.routed_scaling_factor).to(tokens.dtype))
        output: Tensor = self.shared_experts(hidden) + routed.view_as(hidden)
        return output
