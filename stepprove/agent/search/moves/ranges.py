"""Ranges of variables as Lean text."""

from __future__ import annotations

from stepprove.agent.search.terms.term import Term

LONG_RANGE = 150
"""The longest range that `decide` walks as a quantifier; a longer one it walks as a list."""


def numeral(c: int) -> str:
    """Return a number as Lean text, a negative one in parentheses."""
    return str(c) if c >= 0 else f"({c})"


def below(name: str, limit: int) -> str:
    """Quantify over the naturals below a limit; for a high limit over a list, which `decide` walks faster."""
    if limit > LONG_RANGE:
        return f"∀ {name} ∈ List.range {limit}, "
    return f"∀ {name} : Nat, {name} < {limit} → "


def is_below(limit: int) -> str:
    """Return the proof that a number lies in the range of `below`."""
    return "(List.mem_range.mpr (by omega))" if limit > LONG_RANGE else "(by omega)"


def only_bound(fact: Term) -> bool:
    """Return whether a fact only bounds a variable by a number."""
    return fact.op in ("<", "≤", ">", "≥") and {a.op for a in fact.args} <= {"var", "num", "neg"}
