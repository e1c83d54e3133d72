"""A move: something a mathematician does to a goal, as a piece of tactic script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stepprove.agent.search.goal import Goal


@dataclass(frozen=True)
class Move:
    """A step that may leave goals behind.

    `tactic` is sent to Lean as one step. A line that ends in `=> ?_` stands for one remaining goal, in
    order, and the proof of that goal is written in its place. Otherwise one remaining goal is continued
    below the step, and several get a bullet each.

    Args:
        tactic: the text, without indentation of its own.
        cost: how unpromising the step is: 0 is free, 1 an ordinary step of a proof.
        name: a few words for people.
        forced: the step loses nothing, so that no other move is looked at where it works.
        fact: the step only adds to what is known; a forced one is followed by others before the goal is
            looked at again.
        ladder: the same step in several strengths, the strongest first; where one works, so do those after
            it. The strongest that works is taken, and `tactic` is the weakest.
        group: of the moves that share a group only the first that works is kept.
        closing: leave no goals, or count as failed.
        seconds: the longest the step may take.
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
        """What to call the step."""
        return self.name or self.tactic.splitlines()[0].strip()


MoveSource = Callable[[Goal], Iterable[Move]]
"""Looks at a goal and offers moves, best first within equal cost."""
