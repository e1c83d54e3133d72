"""Models of this process: in 32 bits, on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

import stepprove.serving.step_moe  # noqa: F401 - transformers then knows it


def loaded(model: str | Path) -> PreTrainedModel:
    """A model from its folder. Raises OSError, ValueError."""
    found: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return placed(found)


def placed(model: PreTrainedModel) -> PreTrainedModel:
    """The model where it computes; on a GPU products round their factors to 19 bits (TF32), sums are of 32 bits."""
    if not torch.cuda.is_available():
        return model
    torch.set_float32_matmul_precision("high")
    model.to("cuda")  # type: ignore[arg-type]
    return model
