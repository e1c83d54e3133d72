"""Each part against its equation, written out slowly."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.serving.step_moe.attention.attention import StepMoeAttention
from stepprove.serving.step_moe.attention.blocks import BlockAttention, block_attention
from stepprove.serving.step_moe.attention.rope import RotaryEmbedding, rotate
from stepprove.serving.step_moe.experts.experts import StepMoeMLP, StepMoeRouter, StepMoeSparseBlock
from stepprove.serving.step_moe.experts.grouped import GroupedSwiGlu, dense_swiglu, grouped_swiglu
from stepprove.serving.step_moe.norm import RMSNorm

Build = Callable[..., StepMoeForCausalLM]


def plain_norm(vector: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    return vector / math.sqrt(sum(x * x for x in vector.tolist()) / len(vector) + eps) * (1 + weight)


def plain_rotation(vector: Tensor, position: int, theta: float, share: float) -> Tensor:
    """Each pair of dimensions as a complex number, turned by its angle."""
    turned, width = vector.clone(), int(len(vector) * share)
    for pair in range(width // 2):
        number = complex(vector[pair], vector[pair + width // 2])
        number *= cmath.exp(1j * position / theta ** (2 * pair / width))
        turned[pair], turned[pair + width // 2] = number.real, number.imag
    return turned


def plain_swiglu(token: Tensor, gate: Tensor, up: Tensor, down: Tensor, limit: float | None) -> Tensor:
    opened, lifted = gate @ token, up @ token
    opened = opened / (1 + (-opened).exp())
    if limit:
        opened, lifted = opened.clamp(max=limit), lifted.clamp(-limit, limit)
    return down @ (opened * lifted)


def plain_experts(
    hidden: Tensor, indices: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor, limit: float | None
) -> Tensor:
    inner = gate_up.shape[1] // 2
    rows = []
    for token, experts, shares in zip(hidden, indices.tolist(), weights, strict=True):
        parts = [plain_swiglu(token, gate_up[e, :inner], gate_up[e, inner:], down[e], limit) for e in experts]
        rows.append(sum(share * part for share, part in zip(shares, parts, strict=True)))
    return torch.stack(rows)


def randomised(module: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.3, generator=generator)


def test_the_norm_scales_by_one_plus_its_weight() -> None:
    norm = RMSNorm(8, 1e-5)
    randomised(norm)
    hidden = torch.randn(3, 8)
    torch.testing.assert_close(norm(hidden), torch.stack([plain_norm(row, norm.weight) for row in hidden]))


@pytest.mark.parametrize(
    ("layer_type", "theta", "share"), [("full_attention", 5e6, 0.5), ("sliding_attention", 1e4, 1.0)]
)
def test_each_type_of_layer_turns_its_share_of_a_head_by_its_base(
    layer_type: str, theta: float, share: float
) -> None:
    rotary = RotaryEmbedding(StepMoeConfig(head_dim=16, full_rope_theta=5e6))
    heads, positions = torch.randn(1, 3, 2, 16), torch.tensor([[0, 7, 100]])
    turned = rotate(heads, rotary(heads, positions)[layer_type])
    for place, position in enumerate(positions[0].tolist()):
        for head in range(2):
            expected = plain_rotation(heads[0, place, head], position, theta, share)
            torch.testing.assert_close(turned[0, place, head], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_router_chooses_by_score_and_bias_and_weighs_by_score() -> None:
    router = StepMoeRouter(StepMoeConfig(hidden_size=8, n_routed_experts=5, num_experts_per_tok=2))
    randomised(router)
    router.e_score_correction_bias.copy_(torch.tensor([0.0, 2.0, 0.0, -2.0, 0.1]))
    hidden = torch.randn(6, 8)
    _, weights, indices = router(hidden)
    for token, chosen, shares in zip(hidden, indices.tolist(), weights, strict=True):
        scores = [1 / (1 + math.exp(-float(row @ token))) for row in router.weight]
        biased = [
            score + bias for score, bias in zip(scores, router.e_score_correction_bias.tolist(), strict=True)
        ]
        assert set(chosen) == set(sorted(range(5), key=biased.__getitem__)[-2:])
        total = sum(scores[e] for e in chosen)
        assert shares.tolist() == pytest.approx([scores[e] / total for e in chosen], abs=1e-5)


def test_scores_are_of_32_bits_whatever_the_weights_are() -> None:
    router = StepMoeRouter(StepMoeConfig(hidden_size=8, n_routed_experts=5, num_experts_per_tok=2)).bfloat16()
    randomised(router)
    logits, weights, _ = router(torch.randn(6, 8).bfloat16())
    assert (logits.dtype, weights.dtype) == (torch.float32, torch.float32)


@pytest.mark.parametrize("compute", [grouped_swiglu, dense_swiglu])
@pytest.mark.parametrize("limit", [None, 0.3])
@torch.no_grad()
def test_experts_by_products_are_experts_one_by_one(
    compute: Callable[..., Tensor], limit: float | None
) -> None:
    torch.manual_seed(0)
    hidden, gate_up, down = torch.randn(40, 8), torch.randn(6, 10, 8), torch.randn(6, 8, 5)
    indices = torch.rand(40, 5).topk(2).indices  # nobody chooses the last expert
    weights = torch.rand(40, 2)
    expected = plain_experts(hidden, indices, weights, gate_up, down, limit)
    torch.testing.assert_close(
        compute(hidden, indices, weights, gate_up, down, limit), expected, atol=1e-4, rtol=1e-4
    )
    sorted_by_expert = GroupedSwiGlu.forward(None, hidden, indices, weights, gate_up, down, limit)
    torch.testing.assert_close(sorted_by_expert, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("limit", [None, 0.4])
def test_the_experts_gradients_are_right(limit: float | None) -> None:
    torch.manual_seed(1)
    shapes = [(7, 4), (7, 2), (3, 6, 4), (3, 4, 3)]
    hidden, weights, gate_up, down = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes
    )
    indices = torch.rand(7, 3).topk(2).indices
    assert torch.autograd.gradcheck(
        lambda h, w, g, d: grouped_swiglu(h, indices, w, g, d, limit), (hidden, weights, gate_up, down)
    )


@torch.no_grad()
def test_a_sparse_block_is_the_shared_expert_and_a_multiple_of_the_chosen_ones() -> None:
    config = StepMoeConfig(
        hidden_size=8, n_routed_experts=5, num_experts_per_tok=2, moe_router_scaling_factor=2.5
    )
    block = StepMoeSparseBlock(config, 1).eval()
    randomised(block)
    hidden = torch.randn(1, 6, 8)
    _, weights, indices = block.gate(hidden[0])
    routed = plain_experts(
        hidden[0], indices, weights, block.experts.gate_up_proj, block.experts.down_proj, None
    )
    shared = block.shared_experts
    own = [
        plain_swiglu(t, shared.gate_proj.weight, shared.up_proj.weight, shared.down_proj.weight, None)
        for t in hidden[0]
    ]
    torch.testing.assert_close(block(hidden)[0], torch.stack(own) + 2.5 * routed, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_clipped_layer_clips_the_gate_from_above_and_the_other_factor_on_both_sides() -> None:
    layer = StepMoeMLP(8, 12, limit=0.2)
    randomised(layer)
    hidden = 3 * torch.randn(5, 8)
    expected = [
        plain_swiglu(t, layer.gate_proj.weight, layer.up_proj.weight, layer.down_proj.weight, 0.2)
        for t in hidden
    ]
    torch.testing.assert_close(layer(hidden), torch.stack(expected), atol=1e-5, rtol=1e-4)


def plain_attention(layer: StepMoeAttention, hidden: Tensor, theta: float, share: float) -> Tensor:
    """One sequence (tokens, width): every head of every token on its own."""
    width, window = layer.head_dim, layer.sliding_window
    q, k, v, o = (part.weight for part in (layer.q_proj, layer.k_proj, layer.v_proj, layer.o_proj))
    outputs = []
    for here, token in enumerate(hidden):
        query = q @ token
        if layer.low_rank:
            query = layer.wq.weight @ plain_norm(query, layer.inter_norm.weight)
        heads = []
        for head, part in enumerate(query.split(width)):
            shared = slice(
                head // layer.num_key_value_groups * width, (head // layer.num_key_value_groups + 1) * width
            )
            asked = part if layer.low_rank else plain_norm(part, layer.q_norm.weight)
            asked = plain_rotation(asked, here, theta, share)
            first = 0 if window is None else max(0, here - window + 1)
            scores, values = [], []
            for there in range(first, here + 1):
                key = (k @ hidden[there])[shared]
                key = key if layer.low_rank else plain_norm(key, layer.k_norm.weight)
                scores.append(asked @ plain_rotation(key, there, theta, share) / math.sqrt(width))
                values.append((v @ hidden[there])[shared])
            mixed = torch.stack(scores).softmax(0) @ torch.stack(values)
            if layer.gated:
                mixed = mixed / (1 + math.exp(-float(layer.g_proj.weight[head] @ token)))
            heads.append(mixed)
        outputs.append(o @ torch.cat(heads))
    return torch.stack(outputs)


@pytest.mark.parametrize("attention", ["gqa", "mfa"])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize(("layer_type", "share"), [("full_attention", 0.5), ("sliding_attention", 1.0)])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@torch.no_grad()
def test_attention_is_its_equation(
    attention: str, gated: bool, layer_type: str, share: float, implementation: str
) -> None:
    config = StepMoeConfig(
        hidden_size=12, num_attention_heads=4, num_sliding_attention_heads=6, head_dim=8, sliding_window=4,
        attention=attention, head_gate=gated, attn_implementation=implementation,
    )  # fmt: skip
    layer = StepMoeAttention(config, 0, layer_type).eval()
    randomised(layer)
    hidden = torch.randn(1, 9, 12)
    rotation = RotaryEmbedding(config)(hidden, torch.arange(9).unsqueeze(0))[layer_type]
    places = torch.arange(9)
    seen = places[None, :] <= places[:, None]
    if layer.sliding_window:
        seen &= places[None, :] > places[:, None] - layer.sliding_window
    mask = None if implementation == "sdpa" else torch.zeros(9, 9).masked_fill(~seen, -torch.inf)[None, None]
    output, _ = layer(hidden, rotation, mask)
    torch.testing.assert_close(
        output[0], plain_attention(layer, hidden[0], 10000.0, share), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("length", [1, 63, 64, 65, 130])
@pytest.mark.parametrize("window", [None, 1, 2, 63, 64, 65])
def test_attention_in_blocks_is_attention_with_a_mask(length: int, window: int | None) -> None:
    torch.manual_seed(0)
    query, key, value = (
        torch.randn(2, length, 4, 8),
        torch.randn(2, length, 2, 8),
        torch.randn(2, length, 2, 8),
    )
    places = torch.arange(length)
    seen = places[None, :] <= places[:, None]
    if window is not None:
        seen &= places[None, :] > places[:, None] - window
    expected = torch.nn.functional.scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2).repeat_interleave(2, 1),
        value.transpose(1, 2).repeat_interleave(2, 1),
        seen,
    ).transpose(1, 2)
    torch.testing.assert_close(
        block_attention(query, key, value, window, 8**-0.5), expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("window", [None, 3])
def test_the_gradients_of_attention_in_blocks_are_right(
    window: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepprove.serving.step_moe.attention.blocks.BLOCK", 4)
    torch.manual_seed(0)
    shapes = [(1, 10, 4, 3), (1, 10, 2, 3), (1, 10, 2, 3)]
    parts = tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    assert torch.autograd.gradcheck(lambda q, k, v: BlockAttention.apply(q, k, v, window, 0.5), parts)


@pytest.mark.parametrize("length", [4, 5, 6, 7, 12])
def test_a_token_sees_as_far_back_as_the_window_and_no_further(small_model: Build, length: int) -> None:
    """With sliding layers alone, one of them, the last token's state depends on exactly the last six embeddings."""
    model = small_model(num_hidden_layers=1, layer_types=["sliding_attention"], first_dense_layers=1)
    embeds = torch.randn(1, length, 32, requires_grad=True)
    model.model(inputs_embeds=embeds).last_hidden_state[0, -1].sum().backward()
    assert embeds.grad is not None
    reached = embeds.grad[0].abs().sum(-1) > 0
    assert reached.tolist() == [place >= length - 6 for place in range(length)]
