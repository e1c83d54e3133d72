"""What one declaration is worth by itself: one rule for the gate, `check` and the server's verdict without an original."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepprove.outcome import Outcome

if TYPE_CHECKING:
    from stepprove.lean_project.gate.gate import Declaration, Facts, Policy

__all__ = ["axiom_fault", "distrust", "fault", "standing"]


def fault(fact: Declaration) -> str | None:
    """Why nothing that stands beside this declaration can be trusted, in one sentence; None when it does no harm.

    Lean's own auxiliary code is `unsafe` or `partial`, and no checked declaration can rest on that.
    """
    if fact.irregular is not None:
        return fact.irregular
    if fact.unchecked is None or (fact.internal and fact.unchecked in {"unsafe", "partial"}):
        return None
    if fact.unchecked == "init":
        return "the candidate has a program run whenever it is loaded (`initialize`)"
    return f"`{fact.display}` is {fact.unchecked}, which the kernel does not check"


def standing(fact: Declaration, policy: Policy, broken: str | None = None) -> tuple[Outcome, str | None]:
    """The outcome of a declaration that is taken for a proof, and why it is not PROVED.

    `broken` says why the text as a whole is not trusted, where it is not.
    """
    if "sorryAx" in fact.axioms:
        return Outcome.FAILED, f"`{fact.display}` still rests on `sorry`"
    if broken or (broken := fault(fact)):
        return Outcome.REJECTED, broken
    if (reason := axiom_fault(fact, policy)) is not None:
        return Outcome.REJECTED, reason
    return Outcome.PROVED, None


def axiom_fault(fact: Declaration, policy: Policy) -> str | None:
    """Which axioms that are not allowed the declaration rests on, in one sentence; None when there are none."""
    extra = [f"axiom `{a}`" for a in fact.axioms if a not in policy.allowed_axioms]
    return f"`{fact.display}` rests on " + " and ".join(extra) if extra else None


def distrust(facts: Facts) -> str | None:
    """Why no declaration of a text that stands by itself is trusted, in one sentence; None when each is judged by itself."""
    if facts.breach is not None:
        return facts.breach
    if (irregular := next((d.irregular for d in facts.declarations if d.irregular), None)) is not None:
        return irregular
    return None if facts.replay is None else f"the second check by the kernel failed: {facts.replay}"
