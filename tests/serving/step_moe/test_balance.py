"""Balancing the experts: the biases' rule, the groups' loss, and that a skewed router evens out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stepprove.serving.step_moe import StepMoeForCausalLM, update_router_biases
from stepprove.serving.step_moe.experts.balance import expert_group_loss, routers

Build = Callable[..., StepMoeForCausalLM]


def test_a_bias_moves_against_the_load_by_the_rate(small_model: Build) -> None:
    model = small_model(n_routed_experts=4)
    for router in routers(model):
        router.load.copy_(torch.tensor([9.0, 1.0, 5.0, 5.0]))
    update_router_biases(model)
    for router in routers(model):
        assert router.e_score_correction_bias.tolist() == pytest.approx([-0.001, 0.001, 0, 0])
        assert not router.load.any()


def test_padding_is_no_load(small_model: Build) -> None:
    model = small_model().train()
    ids, mask = torch.zeros(2, 10, dtype=torch.long), torch.ones(2, 10, dtype=torch.long)
    mask[0, 4:] = 0
    model(ids, attention_mask=mask)
    assert [router.load.sum().item() for router in routers(model)] == [14 * 2] * 4


@torch.no_grad()
def test_biases_even_out_a_skewed_router(small_model: Build) -> None:
    model = small_model(n_routed_experts=8, num_hidden_layers=2).train()
    (router,) = routers(model)
    router.weight.normal_(std=0.05, generator=torch.Generator().manual_seed(3))
    hidden = (
        torch.randn(512, 32, generator=torch.Generator().manual_seed(4))
        + 2 * router.weight[0] / router.weight[0].norm()
    )
    router(hidden)
    before = (router.load.max() / router.load.mean()).item()
    for _ in range(300):
        update_router_biases(model)
        router(hidden)
    assert before > 1.5
    assert (router.load.max() / router.load.mean()).item() < 1.1


def plain_group_loss(scores: Tensor, chosen: Tensor, groups: list[range]) -> float:
    """The paper's sums, term by term."""
    tokens, count = chosen.shape
    total = 0.0
    for group in groups:
        frequency = sum(1 / (tokens * count) for token in range(tokens) for e in group if e in chosen[token])
        probability = sum(
            scores[token, e] / scores[token].sum() / tokens for token in range(tokens) for e in group
        )
        total += frequency * float(probability)
    return len(groups) * total


def test_the_group_loss_is_the_papers_sum() -> None:
    logits, biases = torch.randn(7, 6), torch.randn(6) * 0.1
    scores = logits.sigmoid()
    chosen = torch.topk(scores + biases, 2).indices
    loss = expert_group_loss(logits, biases, 2, 3)
    assert loss.item() == pytest.approx(
        plain_group_loss(scores, chosen, [range(2), range(2, 4), range(4, 6)]), abs=1e-6
    )


def test_the_group_loss_has_its_gradient_through_the_probabilities() -> None:
    logits = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(6, dtype=torch.float64)
    # the loss computes in 32 bits, so the step is large and the tolerance wide
    assert torch.autograd.gradcheck(
        lambda x: expert_group_loss(x, biases, 2, 3).double(), logits, eps=1e-2, atol=1e-3
    )


def test_training_adds_the_group_loss_with_its_weight(small_model: Build) -> None:
    model = small_model(expert_groups=3, expert_group_loss_weight=0.5).train()
    ids = torch.arange(20).view(2, 10)
    output = model(ids, labels=ids)
    plain = small_model().train()(ids, labels=ids)
    assert output.loss.item() == pytest.approx(plain.loss.item() + 0.5 * output.aux_loss.item(), abs=1e-5)
    assert model.eval()(ids, labels=ids).aux_loss is None
