"""The `methods` part of a recipe: which of the methods a run uses, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stepprove.train.methods.step_moe_search import SearchOptions


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
