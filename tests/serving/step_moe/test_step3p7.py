"""Our weights in transformers' own implementation of the same architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import Step3p7TextModel

from stepprove.serving.step_moe import StepMoeForCausalLM
from stepprove.serving.step_moe.experts.balance import routers
from stepprove.serving.step_moe.step3p7 import step3p7_text_config

Build = Callable[..., StepMoeForCausalLM]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"moe_router_scaling_factor": 2.5, "full_rope_theta": 1e6, "head_dim": 16},
        {"swiglu_limits": [None, None, 0.05, 0.1, 0], "swiglu_limits_shared": [0.1, None, 0.05, None, 0.2]},
        {"n_routed_experts": 8, "num_experts_per_tok": 3, "first_dense_layers": 2, "num_key_value_heads": 1},
    ],
)
@torch.no_grad()
def test_its_logits_are_ours(small_model: Build, changes: dict[str, Any]) -> None:
    ours = small_model(**changes)
    for router in routers(ours):
        router.e_score_correction_bias.uniform_(-0.2, 0.2)
    theirs = Step3p7TextModel(step3p7_text_config(ours.config)).eval()
    theirs.load_state_dict(ours.model.state_dict(), strict=True)
    ids = torch.randint(0, 96, (2, 24), generator=torch.Generator().manual_seed(5))
    logits = ours.lm_head(theirs(ids).last_hidden_state)
    torch.testing.assert_close(ours(ids).logits, logits, atol=1e-4, rtol=0)


def test_what_it_does_not_have_is_said(small_model: Build) -> None:
    with pytest.raises(ValueError, match="gated heads"):
        step3p7_text_config(small_model(attention="mfa").config)
