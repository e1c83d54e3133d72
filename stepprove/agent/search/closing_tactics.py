"""The tactics that close a goal outright, as the portfolio, the disproof and the search for training scripts try them.

The three lists differ on purpose. The portfolio orders its tactics by what they close in a millisecond; a disproof proves
`¬∀ hypotheses, target`, where no hypothesis is left for `simp_all`; training scripts want many short proofs, so their list
includes `grind`, which the portfolio prices as a separate move. The tactics of BEq+ stand in
`formalizer/equivalence/closers.py`: the published method fixes them, and a change would change its scores.
"""

from __future__ import annotations

GROUND = ("rfl", "decide")
"""The portfolio, for a goal without hypotheses or quantifiers; with Mathlib `GROUND_MATHLIB` follows."""
GROUND_MATHLIB = ("norm_num",)
ARITHMETIC = ("omega",)
"""The portfolio, for every goal: most linear goals."""
RELATION = ("rfl",)
"""The portfolio, for an equation, an equivalence or an inequality."""
SIMPLIFIERS = ("simp", "simp_all")
"""The portfolio, for every goal."""
MATHLIB = ("norm_num", "ring", "linarith", "positivity")
"""The portfolio, for every goal of a file that imports Mathlib."""

DISPROOF = ("decide", "simp", "omega", "grind")
"""For the negation of a goal."""

TRAINING_SCRIPTS = ("omega", "simp", "simp_all", "decide", "rfl", "grind")
"""For training proofs; a random rank decides the order in which they are tried."""

_SECONDS = {"rfl": 2.0, "decide": 2.0, "omega": 3.0, "simp": 3.0, "simp_all": 3.0}


def seconds_for(tactic: str) -> float:
    """Return the longest that the portfolio lets a closing tactic run, in seconds."""
    return _SECONDS.get(tactic, 5.0)
