"""How to train by reinforcement: a recipe's `rlvr` part, which can be read without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stepprove.train.rl.rewards import CANARIES

Loss = Literal["grpo", "dapo", "mis-po"]


class RlvrOptions(BaseModel):
    """How to train; a recipe's `rlvr` part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: Loss = "dapo"
    updates: int = Field(default=100, ge=1)
    problems: int = Field(default=8, ge=1)
    """Asked in a round, canaries apart."""
    group: int = Field(default=8, ge=2)
    """Texts for each problem."""
    waves: int = Field(default=1, ge=1)
    """Of so many problems each are asked at most, until `problems` of them teach (DAPO's dynamic sampling)."""
    canaries: int = Field(default=1, ge=0, le=len(CANARIES))
    """False theorems in a round, one text each."""
    learning_rate: float = Field(default=1e-4, gt=0)
    clip_low: float = Field(default=0.2, gt=0)
    clip_high: float = Field(default=0.28, gt=0)
    scale_rewards: bool = True
    """Divide advantages by the standard deviation of their group, as GRPO does."""
    token_bounds: tuple[float, float] = (0.5, 2.0)
    text_bounds: tuple[float, float] = (0.996, 1.001)
    """Of MIS-PO."""
    max_tokens: int = Field(default=1024, ge=16)
    """Of a whole text, feedback included."""
    max_turns: int | None = Field(default=None, ge=1)
    check_seconds: float = Field(default=30.0, gt=0)
    judge_seconds: float = Field(default=60.0, gt=0)
    batch_tokens: int = Field(default=8192, ge=1)
    """At most so many, padding included, go through the model at once."""
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
