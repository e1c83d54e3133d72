"""The limits of one REPL process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

__all__ = ["Limits", "above_zero"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one REPL process; infinite where there is none."""

    timeout: float
    """Seconds for one request."""
    startup_timeout: float
    """Seconds for a process to become ready."""
    memory_mb: float
    """Resident memory of Lean and its descendants, in 10**6 B."""
    answer_mb: float
    """The largest size of an answer, in 10**6 B."""

    @classmethod
    def of(
        cls,
        timeout: float | None,
        startup_timeout: float | None,
        memory_limit_mb: float | None,
        answer_limit_mb: float,
    ) -> Self:
        """The limits from the arguments of a `Repl`. Raises ValueError."""
        return cls(
            above_zero("timeout", timeout),
            above_zero("startup_timeout", startup_timeout),
            above_zero("memory_limit_mb", memory_limit_mb),
            above_zero("answer_limit_mb", answer_limit_mb),
        )

    @property
    def resident_mb(self) -> float | None:
        """The limit on resident memory; None if there is none."""
        return None if self.memory_mb == math.inf else self.memory_mb

    def data_mb(self, mapped_mb: float | None) -> float | None:
        """The limit on a process's allocations, in 10**6 B; None if there is none.

        Args:
            mapped_mb: the most that it maps of compiled modules, which count as allocations; None: it has no such limit.
        """
        return None if mapped_mb is None or self.memory_mb == math.inf else self.memory_mb + mapped_mb


def above_zero(name: str, value: float | None) -> float:
    """A limit as a number, infinite for None. Raises ValueError."""
    if value is None:
        return math.inf
    if not value > 0:  # also true of NaN
        raise ValueError(f"{name} must be a number above 0, or None for no limit, not {value!r}")
    return float(value)
