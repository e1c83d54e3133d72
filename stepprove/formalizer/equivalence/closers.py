"""The tactics that BEq+ closes goals with, and what stands in for them where there is no Mathlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Closers:
    """The two lists of BEq+ (Poiroux et al., EMNLP 2025; the authors' code in LeanInteract)."""

    after_apply: tuple[str, ...]
    """For what `apply` and `convert` leave."""
    with_hypothesis: tuple[str, ...]
    """For a goal whose premise is the hypothesis `this`."""
    alone: tuple[str, ...]
    """`with_hypothesis` without the hypothesis."""
    published: bool
    """These are the authors' tactics, `convert` among them."""
    stand_ins: tuple[str, ...] = ()
    """What is not as published, a sentence each."""

    def prove_all(self, tactics: Sequence[str]) -> str:
        """Tactics that close all goals with some of these.

        The authors' try each tactic on every goal in turn; the stand-ins, which leave a goal either closed or as it was, take
        the first that closes it.
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
"""As published, with Lean's present words for `simp_all_arith!`."""

_CORE = ("assumption", "omega", "simp_all", "grind", "exact?")
"""`simp_all +arith` is not among them: on products of integers it rewrites until its time is over."""

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
    """Tactics that close one goal with one of these."""
    return "first | " + " | ".join(f"({t}; done)" for t in tactics)
