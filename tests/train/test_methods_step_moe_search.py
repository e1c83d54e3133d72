"""A StepMoE chosen by its supernet: shared parts, the budget, and the same choice again."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM
from stepprove.train.methods.angle_search import size
from stepprove.train.methods.step_moe_search import SearchOptions, Supernet, choose, configuration, step

BASE = StepMoeConfig(
    vocab_size=11, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
    head_dim=8, moe_intermediate_size=8, share_expert_dim=8, num_experts_per_tok=1, pad_token_id=0,
)  # fmt: skip
OPTIONS = SearchOptions(
    parameters=9000, windows=(2, 4), experts=(2, 4), first_steps=3, later_steps=1, samples=4
)


def batches() -> Iterator[dict[str, torch.Tensor]]:
    rng = torch.Generator().manual_seed(0)
    while True:
        ids = torch.randint(1, 11, (2, 6), generator=rng)
        yield {"input_ids": ids, "labels": ids}


def test_an_architecture_computes_what_its_own_model_would() -> None:
    net = Supernet(BASE, OPTIONS.space)
    for architecture in (("gqa", "2", "4"), ("mfa", "4", "2")):
        alone = StepMoeForCausalLM(configuration(BASE, architecture))
        alone.load_state_dict(net.models[architecture].state_dict())
        ids = torch.tensor([[1, 2, 3, 4, 5]])
        with torch.no_grad():
            ours = net.models[architecture].eval()(ids, use_cache=False).logits
            assert torch.allclose(ours, alone.eval()(ids, use_cache=False).logits)


def test_only_the_parts_of_the_trained_architecture_turn() -> None:
    net = Supernet(BASE, OPTIONS.space)
    assert all(found.angle == 0 for found in net.turned().values())
    trained, sibling = ("gqa", "2", "4"), ("gqa", "2", "2")
    before = copy.deepcopy(net.models[sibling].model.layers[1].mlp.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    step(net.models[trained], optimizer, next(batches()))
    found = net.turned()
    assert found[trained].moved == max(each.moved for each in found.values())
    assert 0 < found["mfa", "4", "2"].moved < found[sibling].moved < found[trained].moved
    after = net.models[sibling].model.layers[1].mlp.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("by", ["loss", "angle"])
def test_one_is_chosen_within_the_budget_and_the_same_again(by: str) -> None:
    options = OPTIONS.model_copy(update={"by": by})
    first = choose(BASE, options, batches())
    assert size(first.stages[0]) == 8 and size(first.stages[-1]) == 1
    own = StepMoeForCausalLM(first.config)
    assert first.parameters == sum(p.numel() for p in own.parameters()) <= OPTIONS.parameters
    assert choose(BASE, options, batches()).stages == first.stages


def test_a_budget_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="within the budget"):
        choose(BASE, OPTIONS.model_copy(update={"parameters": 100}), batches())
