"""The moves for a goal: closing tactics first, then the moves by branch of mathematics.

The order of the closing tactics was measured on the core subset of miniF2F: `omega` closes most linear goals in a few
milliseconds, `simp_all` unfolds hypotheses best, and `grind` is the strongest and the slowest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepprove.agent.search.closing_tactics import (
    ARITHMETIC,
    GROUND,
    GROUND_MATHLIB,
    MATHLIB,
    RELATION,
    SIMPLIFIERS,
    seconds_for,
)
from stepprove.agent.search.goal import Goal
from stepprove.agent.search.move import Move, MoveSource
from stepprove.agent.search.moves import (
    bounds,
    divisibility,
    functions,
    induction,
    logic,
    residues,
    witnesses,
)
from stepprove.faults import fault_told


@dataclass(frozen=True)
class Portfolio:
    """The moves of one search."""

    sources: tuple[MoveSource, ...]
    mathlib: bool = False
    definitions: tuple[str, ...] = ()

    def closers(self, goal: Goal) -> Iterator[Move]:
        """Yield steps that close a goal or fail within a fraction of a second, the likeliest first."""
        yield from _closers(goal, self.mathlib)

    def moves(self, goal: Goal) -> Iterator[Move]:
        """Yield every move for a goal: forced moves first, then by cost."""
        offered = [move for source in self.sources for move in _offered(source, goal)]
        offered += list(_heavy_closers(goal, self.mathlib, self._unfoldable(goal)))
        distinct = {move.tactic: move for move in sorted(offered, key=_order, reverse=True)}
        yield from sorted(distinct.values(), key=_order)

    def _unfoldable(self, goal: Goal) -> list[str]:
        words = set(
            re.findall(r"[^\W\d][\w'.]*", " ".join([goal.target, *(h.type for h in goal.hypotheses)]))
        )
        return [d for d in self.definitions if d in words or d.rpartition(".")[2] in words]


def portfolio(mathlib: bool = False, definitions: Sequence[str] = ()) -> Portfolio:
    """Return the moves for core Lean, with Mathlib's tactics if the file has them.

    Args:
        mathlib: whether the file imports Mathlib.
        definitions: names of definitions that may be unfolded.
    """
    sources = (
        logic.moves,
        bounds.moves,
        residues.moves,
        divisibility.moves,
        functions.moves,
        induction.moves,
        witnesses.moves,
    )
    return Portfolio(sources, mathlib, tuple(definitions))


def _offered(source: MoveSource, goal: Goal) -> Iterator[Move]:
    """Yield a source's moves; if the source raises, stop after those it has offered."""
    try:
        yield from source(goal)
    except Exception as fault:
        fault_told(fault, f"the moves of {source.__module__}")


def _order(move: Move) -> tuple[bool, float]:
    return (not move.forced, move.cost)


def _closers(goal: Goal, mathlib: bool) -> Iterator[Move]:
    tactics: tuple[str, ...] = ()
    if not goal.hypotheses and "∀" not in goal.target and "∃" not in goal.target:
        tactics += GROUND
        tactics += GROUND_MATHLIB if mathlib else ()
    tactics += ARITHMETIC
    if any(sign in goal.target for sign in (" = ", " ↔ ", " ≤ ")):
        tactics += RELATION
    tactics += SIMPLIFIERS
    tactics += MATHLIB if mathlib else ()
    for tactic in tactics:
        yield Move(tactic, 0.0, tactic, closing=True, seconds=seconds_for(tactic))


def _heavy_closers(goal: Goal, mathlib: bool, unfoldable: Sequence[str]) -> Iterator[Move]:
    yield Move("grind", 0.1, "grind", closing=True, seconds=8.0)
    if unfoldable:
        names = ", ".join(unfoldable)
        for place, tactic in enumerate(("rfl", "simp [{}]", "simp_all [{}]", "grind [{}]")):
            yield Move(tactic.format(names), 0.05 + place / 50, closing=True)
        yield Move(f"simp only [{names}]", 0.6, group="unfold")
        yield Move(f"simp only [{names}] at *", 0.7, group="unfold")
        yield Move(f"unfold {' '.join(unfoldable)}", 0.8, group="unfold")
    if not goal.variables and not goal.functions:
        yield Move("decide", 0.15, "decide", closing=True)
        yield Move("decide +kernel", 0.2, "decide +kernel", closing=True, seconds=20.0)
    if "↑" in goal.target or any("↑" in h.type for h in goal.hypotheses):
        yield Move("(push_cast at *; omega)", 0.3, "push_cast; omega", closing=True)
        yield Move("(norm_cast at *; omega)", 0.3, "norm_cast; omega", closing=True)
    if "if " in goal.target:
        yield Move("split", 0.4, "split")
    if " = " in goal.target:
        yield Move("ac_rfl", 1.5, closing=True)
    yield Move("exact?", 3.0, "exact?", closing=True, seconds=10.0)
    if mathlib:
        yield Move("nlinarith", 0.3, "nlinarith", closing=True, seconds=10.0)
        yield Move("field_simp at *", 0.8, "field_simp")
        yield Move("aesop", 0.8, "aesop", closing=True, seconds=10.0)
        squares = _squares(goal)
        if squares:
            yield Move(f"nlinarith [{', '.join(squares)}]", 0.6, "nlinarith", closing=True, seconds=15.0)
        for name in goal.variables:
            yield Move(f"interval_cases {name}", 0.7, f"interval_cases {name}")


def _squares(goal: Goal) -> list[str]:
    """Return squares of differences of real or whole variables, the usual hints for nonlinear arithmetic."""
    ordered = ("ℝ", "ℚ", "ℤ", "Real", "Rat", "Int")
    names = [h.name for h in goal.hypotheses if h.type in ordered and h.usable][:4]
    squares = [f"sq_nonneg {a}" for a in names]
    return squares + [f"sq_nonneg ({a} - {b})" for i, a in enumerate(names) for b in names[i + 1 :]]
