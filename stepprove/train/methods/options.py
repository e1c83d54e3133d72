"""The `methods` part of a recipe: options of optimisation methods."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SearchOptions(BaseModel):
    """Options of the architecture search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: int = Field(ge=1)
    """Most parameters, with embeddings, without MTP heads."""
    attention: tuple[str, ...] = ("gqa", "mfa")
    windows: tuple[int, ...] = (64, 256, 512)
    experts: tuple[int, ...] = (8, 16, 32)
    first_steps: int = Field(default=300, ge=1)
    """Supernet steps before the first operator is dropped."""
    later_steps: int = Field(default=100, ge=1)
    """Supernet steps before each further one."""
    learning_rate: float = Field(default=1e-3, gt=0)
    by: Literal["loss", "angle"] = "loss"
    """The score: the loss in the supernet on further batches, or the paper's angle.

    On small StepMoEs the loss ranks architectures as training alone does, and the angle does not (angle_search.md).
    """
    samples: int = Field(default=50, ge=1)
    """Architectures drawn to score an operator."""
    seed: int = 0

    @property
    def space(self) -> tuple[tuple[str, ...], ...]:
        """The search space."""
        return (
            self.attention,
            tuple(str(window) for window in self.windows),
            tuple(str(count) for count in self.experts),
        )


class AngularOptions(BaseModel):
    """Record the angle by which weights turn in a step (angular.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: int = Field(default=10, ge=1)
    """Record one step of `every`."""


class NeverHurtOptions(BaseModel):
    """Pull weights to a stage's initial ones without slowing descent (DTNH, never_hurt.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=0.01, ge=0)
    decay: float = Field(default=0.99, gt=0, le=1)
    """Factor of the weight after each epoch."""
    form: Literal["conditional", "unconditional"] = "conditional"


class SftMethods(BaseModel):
    """Methods of fine-tuning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    angular: AngularOptions | None = None
    never_hurt: NeverHurtOptions | None = None
    choose: SearchOptions | None = None
    """Architecture search for the StepMoE of `model: new` (angle_search.md); None: the small default."""

    def refusal(self, processes: int) -> str | None:
        """Return why these methods cannot work with so many processes, without a full stop; None if they can."""
        if processes > 1 and self.never_hurt is not None:
            return "`never_hurt` needs whole weights, and several processes hold parts of them"
        return None


class RlvrMethods(BaseModel):
    """Methods of reinforcement learning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    angular: bool = False
    """Record the mean angle by which matrices turn in an update."""
    baseline: Literal["group", "learned"] = "group"
    """The baseline of a reward: the group's mean, or one learned from the other problems (control_variates.md).

    With `learned`, groups with equal rewards have a signal too, and the round's deviation scales the rewards.
    """

    def refusal(self, processes: int, *, sharded: bool) -> str | None:
        """Return why these methods cannot work, without a full stop; None if they can.

        Args:
            processes: those that train.
            sharded: the weights are spread over them, even if there is just one.
        """
        if sharded and self.angular:
            return "`angular` needs whole weights, and `hardware` spreads them over processes"
        if processes > 1 and self.baseline == "learned":
            return (
                "`baseline: learned` needs all problems of a round, and several processes have parts of them"
            )
        return None


NO_METHODS = RlvrMethods()
