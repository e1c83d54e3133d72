"""Budgets for a model in tokens, dollars and seconds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from stepprove.serving.client.exchange import Usage


class BudgetSpent(Exception):
    """The budget allows no further request; the message names the spent part."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits; None: no limit."""

    tokens: int | None = None
    """Prompt and completion tokens together."""
    dollars: float | None = None
    seconds: float | None = None
    """Seconds since the first request."""

    def __post_init__(self) -> None:
        for name in ("tokens", "dollars", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"a budget of {name} must be above 0, not {value!r}")


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars for a million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, usage: Usage) -> float:
        """Return the cost of a request, in dollars."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1e6


class Account:
    """The amounts spent of a budget; clients of one event loop can share an account."""

    def __init__(self, budget: Budget = Budget(), prices: Prices = Prices()) -> None:
        self.budget = budget
        self.prices = prices
        self.requests = 0
        self.usage = Usage()
        self.dollars = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the first request; 0 before it."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    @property
    def seconds_left(self) -> float:
        """Seconds left; infinite without a limit."""
        return math.inf if self.budget.seconds is None else self.budget.seconds - self.seconds

    def open(self) -> None:
        """Record the start of a request. Raises BudgetSpent when a limit is reached."""
        if self._started is None:
            self._started = time.monotonic()
        for name, spent, limit in (
            ("tokens", self.usage.tokens, self.budget.tokens),
            ("dollars", self.dollars, self.budget.dollars),
            ("seconds", self.seconds, self.budget.seconds),
        ):
            if limit is not None and spent >= limit:
                raise BudgetSpent(f"the budget of {limit:g} {name} is spent ({spent:.6g} used)")
        self.requests += 1

    def note(self, usage: Usage) -> None:
        """Add a request's tokens and their cost."""
        self.usage += usage
        self.dollars += self.prices.of(usage)
