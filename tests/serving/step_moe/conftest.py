"""A small model for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from stepprove.serving.step_moe import StepMoeConfig, StepMoeForCausalLM

SMALL: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_sliding_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "sliding_window": 6,
    "n_routed_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "share_expert_dim": 16,
    "initializer_range": 0.2,
}


@pytest.fixture
def small_model() -> Callable[..., StepMoeForCausalLM]:
    """Makes a small model, always with the same weights, with some settings changed."""

    def build(**changes: Any) -> StepMoeForCausalLM:
        torch.manual_seed(0)
        return StepMoeForCausalLM(StepMoeConfig(**(SMALL | changes))).eval()

    return build


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """A second thread would only wait for the first on models so small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
