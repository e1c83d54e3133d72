"""A move: a step of a proof, as a piece of tactic script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stepprove.agent.search.goal import Goal


@dataclass(frozen=True)
class Move:
    """A step that may leave goals.

    Lean receives `tactic` as one step. A line that ends in `=> ?_` stands for one remaining goal, in
    order, and the proof of that goal is written in its place. Otherwise one remaining goal is continued
    below the step, and several get a bullet each.

    Args:
        tactic: the text, without indentation of its own.
        cost: 0 is free, 1 an ordinary step of a proof; a higher cost is less promising.
        name: a short label.
        forced: the step loses nothing, so if it works, the search tries no other move.
        fact: the step only adds a fact; the search runs further forced facts before it looks at the
            goal again.
        ladder: the same step in several strengths, the strongest first; if one works, so do those after
            it. The search takes the strongest that works; `tactic` is the weakest.
        group: of the moves in a group, the search keeps only the first that works.
        closing: leave no goals, or count as failed.
        seconds: the time limit of the step.
    """

    tactic: str
    cost: float = 1.0
    name: str = ""
    forced: bool = False
    fact: bool = False
    ladder: tuple[str, ...] = ()
    group: str = ""
    closing: bool = False
    seconds: float = 5.0

    @property
    def label(self) -> str:
        """The step's label."""
        return self.name or self.tactic.splitlines()[0].strip()


MoveSource = Callable[[Goal], Iterable[Move]]
"""Returns moves for a goal, the best first within equal cost."""
