"""The closing tactics of BEq+, and their stand-ins without Mathlib.

They differ from the portfolio's (`agent/search/closing_tactics.py`) on purpose: the published method fixes them, and stronger
ones would call more statements equivalent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Closers:
    """The two lists of BEq+ (Poiroux et al., EMNLP 2025; the authors' code in LeanInteract)."""

    after_apply: tuple[str, ...]
    """For the goals that `apply` and `convert` leave."""
    with_hypothesis: tuple[str, ...]
    """For a goal with the premise as the hypothesis `this`."""
    alone: tuple[str, ...]
    """`with_hypothesis` without the hypothesis."""
    published: bool
    """These are the authors' tactics, with `convert`."""
    stand_ins: tuple[str, ...] = ()
    """The differences from the published method, a sentence each."""

    def prove_all(self, tactics: Sequence[str]) -> str:
        """Return tactics that close all goals with some of these.

        The authors' version tries each tactic on every goal in turn. A stand-in either closes a goal or leaves it unchanged, so
        the first that closes it is taken.
        """
        if not self.published:
            return f"all_goals intros\nall_goals {any_of(tactics)}"
        one_by_one = "; ".join(f"(all_goals try {t})" for t in tactics)
        together = "; ".join(f"(try {t})" for t in tactics)
        return f"all_goals intros\nfirst | ({one_by_one}) | (all_goals ({together}))"


MATHLIB = Closers(
    after_apply=("tauto", "simp_all! +arith", "noncomm_ring", "exact?"),
    with_hypothesis=("tauto", "simp_all! +arith", "exact? using this"),
    alone=("tauto", "simp_all! +arith", "exact?"),
    published=True,
)
"""As published, in the present spelling of `simp_all_arith!`."""

_CORE = ("assumption", "omega", "simp_all", "grind", "exact?")
"""Without `simp_all +arith`, which rewrites products of integers until its time is up."""

CORE = Closers(
    after_apply=("ac_rfl", *_CORE),
    with_hypothesis=_CORE,
    alone=_CORE,
    published=False,
    stand_ins=(
        "There is no Mathlib: `simp_all`, `omega`, `grind` and `ac_rfl` stand in for `tauto` and `noncomm_ring`.",
        "For `convert` stand: both statements in a normal form; the premise, at the target's own variables too, as a hypothesis.",
    ),
)


def any_of(tactics: Sequence[str]) -> str:
    """Return tactics that close one goal with one of these."""
    return "first | " + " | ".join(f"({t}; done)" for t in tactics)
