"""How a search ended, and its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


class SearchOutcome(StrEnum):
    """How a search ended; only "found" concerns the goal, once the gate has confirmed it."""

    FOUND = "found"
    EXHAUSTED = "exhausted"
    """No move is left."""
    OUT_OF_TIME = "out of time"
    CANCELLED = "cancelled"
    INFRASTRUCTURE = "infrastructure"
    """The engine failed repeatedly."""


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        outcome: how it ended.
        script: lines of the tactic block that closes the goal; empty unless found.
        found_by: "omega", or "search: induction n; omega".
        seconds: time spent.
        steps: tactics that Lean ran.
        graph: the proof graph: nodes `("goal", key)` and `("move", number)`, attributes `label`, `proved`,
            `cost`; a proved goal's `closed_by` is the step that closed it, empty if a move and its goals did.
        reason: of an infrastructure failure.
    """

    outcome: SearchOutcome
    script: tuple[str, ...]
    found_by: str
    seconds: float
    steps: int
    graph: nx.DiGraph = field(repr=False)
    reason: str = ""

    @property
    def found(self) -> bool:
        """Whether there is a script for the gate."""
        return self.outcome is SearchOutcome.FOUND


@dataclass(frozen=True)
class Progress:
    """The steps and goals of a search so far."""

    seconds: float
    steps: int
    open_goals: int
    trying: str
