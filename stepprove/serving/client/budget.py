"""How much a model may be used: tokens, money, time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from stepprove.serving.client.exchange import Usage


class BudgetSpent(Exception):
    """The budget does not allow another request; the message says which part of it is spent."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be spent; None: no limit."""

    tokens: int | None = None
    """Read and written together."""
    dollars: float | None = None
    seconds: float | None = None
    """From the first request on."""

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
        """What a request costs, in dollars."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1e6


class Account:
    """What has been spent of a budget. One account may serve many clients of one event loop."""

    def __init__(self, budget: Budget = Budget(), prices: Prices = Prices()) -> None:
        self.budget = budget
        self.prices = prices
        self.requests = 0
        self.usage = Usage()
        self.dollars = 0.0
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Since the first request."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    @property
    def seconds_left(self) -> float:
        """What the time allows; infinite without a limit."""
        return math.inf if self.budget.seconds is None else self.budget.seconds - self.seconds

    def open(self) -> None:
        """Note that a request begins. Raises BudgetSpent when it may not."""
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
        """Add what a request has taken."""
        self.usage += usage
        self.dollars += self.prices.of(usage)
