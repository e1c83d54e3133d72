"""The `methods` part of a recipe: which of the methods a run uses, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SearchOptions(BaseModel):
    """What to choose from, and how long to look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: int = Field(ge=1)
    """At most so many, embeddings included, heads that predict further tokens not."""
    attention: tuple[str, ...] = ("gqa", "mfa")
    windows: tuple[int, ...] = (64, 256, 512)
    experts: tuple[int, ...] = (8, 16, 32)
    first_steps: int = Field(default=300, ge=1)
    """Of the supernet before the first operator is dropped."""
    later_steps: int = Field(default=100, ge=1)
    """Before each further one."""
    learning_rate: float = Field(default=1e-3, gt=0)
    by: Literal["loss", "angle"] = "loss"
    """What counts: the loss in the supernet on further batches, or the paper's angle.

    On small StepMoEs the loss ranks architectures as training alone does, and the angle does not (angle_search.md).
    """
    samples: int = Field(default=50, ge=1)
    """Architectures drawn to score an operator."""
    seed: int = 0

    @property
    def space(self) -> tuple[tuple[str, ...], ...]:
        """All that there is to choose from."""
        return (
            self.attention,
            tuple(str(window) for window in self.windows),
            tuple(str(count) for count in self.experts),
        )


class AngularOptions(BaseModel):
    """Tell how far weights turn in a step (angular.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: int = Field(default=10, ge=1)
    """Of so many steps, one is told."""


class NeverHurtOptions(BaseModel):
    """Draw the weights to those that a stage begins with, without slowing descent (DTNH, never_hurt.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=0.01, ge=0)
    decay: float = Field(default=0.99, gt=0, le=1)
    """By which the weight is multiplied after each pass."""
    form: Literal["conditional", "unconditional"] = "conditional"


class SftMethods(BaseModel):
    """Of fine-tuning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    angular: AngularOptions | None = None
    never_hurt: NeverHurtOptions | None = None
    choose: SearchOptions | None = None
    """How the StepMoE that a run makes from nothing is chosen (angle_search.md); None: it is the small one."""


class RlvrMethods(BaseModel):
    """Of reinforcement learning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    angular: bool = False
    """Tell the mean angle by which matrices turned in an update."""
    baseline: Literal["group", "learned"] = "group"
    """What is taken off a reward: the mean of its problem's texts, or what the other problems let expect (control_variates.md).

    With `learned`, problems whose texts all did alike teach as well, and rewards are scaled by their deviation over the round.
    """
