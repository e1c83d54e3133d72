"""The optimiser of reinforcement learning; fine-tuning has the Trainer's AdamW (`sft/sft.py`)."""

from __future__ import annotations

import torch
from torch import nn


def new_optimizer(model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Return AdamW without weight decay, for all parameters of the model."""
    return torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.0)
