"""Options of reinforcement learning, the `rlvr` part of a recipe; importing them needs no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stepprove.train.rl.rewards import CANARIES

Loss = Literal["grpo", "dapo", "mis-po"]


class RlvrOptions(BaseModel):
    """Options of a reinforcement-learning run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: Loss = "dapo"
    updates: int = Field(default=100, ge=1)
    problems: int = Field(default=8, ge=1)
    """Problems in a batch, canaries not counted."""
    group: int = Field(default=8, ge=2)
    """Samples for each problem."""
    waves: int = Field(default=1, ge=1)
    """Max sampling batches per update; stop once `problems` groups have mixed rewards (DAPO's dynamic sampling)."""
    canaries: int = Field(default=1, ge=0, le=len(CANARIES))
    """False theorems in a batch, one sample each."""
    learning_rate: float = Field(default=1e-4, gt=0)
    clip_low: float = Field(default=0.2, gt=0)
    clip_high: float = Field(default=0.28, gt=0)
    scale_rewards: bool = True
    """Divide advantages by the standard deviation of their group, as GRPO does."""
    token_bounds: tuple[float, float] = (0.5, 2.0)
    """MIS-PO: bounds on a token's probability ratio."""
    text_bounds: tuple[float, float] = (0.996, 1.001)
    """MIS-PO: bounds on the geometric mean of a text's ratios."""
    max_tokens: int = Field(default=1024, ge=16)
    """Tokens of a whole text, Lean's feedback included."""
    max_turns: int | None = Field(default=None, ge=1)
    check_seconds: float = Field(default=30.0, gt=0)
    judge_seconds: float = Field(default=60.0, gt=0)
    batch_tokens: int = Field(default=8192, ge=1)
    """Most tokens of a forward pass, padding included."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    save_every: int = Field(default=1, ge=1)
    """Updates between checkpoints."""
    seed: int = 0

    @model_validator(mode="after")
    def _ordered(self) -> RlvrOptions:
        for name in ("token_bounds", "text_bounds"):
            low, high = getattr(self, name)
            if not 0 < low < high:
                raise ValueError(f"{name}: {low} must lie between 0 and {high}")
        return self
