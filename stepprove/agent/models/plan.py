"""The settings of a model beside the search: its name, its part, its attempts and their budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stepprove.agent.models.refine import RefineOptions
from stepprove.agent.models.trajectory import TirOptions
from stepprove.agent.policies import SCHEDULES, Schedule
from stepprove.serving.client.budget import Budget, Prices
from stepprove.serving.client.model_traits import Style


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """The model, its budget and its policy."""

    name: str
    """The value of `--model`: `openai:NAME`, `http://HOST:PORT/v1#NAME`, `vllm:NAME` or `tiny`."""
    policy: Literal["model", "auto"] = "auto"
    """`model`: the model alone; `auto`: the search first, then both."""
    schedule: Schedule | None = None
    """When each of them works; None: as the policy has it."""
    style: Style | None = None
    """The style of prompts; None: the model's usual one."""
    attempts: int = 4
    """Model attempts per hole, in parallel."""
    rounds: int = 4
    """Answers per chat."""
    budget: Budget = field(default_factory=Budget)
    """The budget of the whole file."""
    prices: Prices = field(default_factory=Prices)
    hole_tokens: int | None = None
    """The token budget of each hole."""
    retries: int = 4
    """Retries of a request when the server is busy, fails or is not there."""
    tir: TirOptions | None = None
    """None: the options for the model's name."""
    chat: RefineOptions = field(default_factory=RefineOptions)


def schedule_of(plan: ModelPlan | None) -> Schedule:
    """Return the schedule of a plan; without a model, that of the search alone."""
    if plan is None:
        return SCHEDULES["portfolio"]
    return plan.schedule or SCHEDULES[plan.policy]
