"""Load models into this process: in FP32, on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

import stepprove.serving.step_moe  # noqa: F401 - transformers then knows it


def loaded(model: str | Path) -> PreTrainedModel:
    """Load a model from its folder or the hub. Raises OSError, ValueError."""
    model_in_fp32: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return placed(model_in_fp32)


def placed(model: PreTrainedModel) -> PreTrainedModel:
    """Move a model to the GPU, if any; there, matrix products use TF32 (19-bit factors, 32-bit sums)."""
    if not torch.cuda.is_available():
        return model
    torch.set_float32_matmul_precision("high")
    model.to("cuda")  # type: ignore[arg-type]
    return model
