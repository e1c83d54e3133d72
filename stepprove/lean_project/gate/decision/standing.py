"""The outcome of one declaration by itself: one rule for the gate, `check` and the server's verdict without an original."""

from __future__ import annotations

from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts
from stepprove.lean_project.gate.policy import Policy
from stepprove.outcome import Outcome

__all__ = ["axiom_fault", "distrust", "fault", "standing"]


def fault(fact: DeclarationFacts) -> str | None:
    """Why this declaration makes the whole text untrustworthy, in one sentence; None if it does no harm.

    Lean's own auxiliary code is `unsafe` or `partial`; no checked declaration can depend on it.
    """
    if fact.irregular is not None:
        return fact.irregular
    if fact.unchecked is None or (fact.internal and fact.unchecked in {"unsafe", "partial"}):
        return None
    if fact.unchecked == "init":
        return "the candidate has a program run whenever it is loaded (`initialize`)"
    return f"`{fact.display}` is {fact.unchecked}, which the kernel does not check"


def standing(fact: DeclarationFacts, policy: Policy, broken: str | None = None) -> tuple[Outcome, str | None]:
    """The outcome of a declaration as a proof, and the reason if it is not PROVED.

    Args:
        fact: the declaration.
        policy: what to allow beyond the standard.
        broken: why the whole text is untrustworthy, if it is.
    """
    if "sorryAx" in fact.axioms:
        return Outcome.FAILED, f"`{fact.display}` still rests on `sorry`"
    if broken or (broken := fault(fact)):
        return Outcome.REJECTED, broken
    if (reason := axiom_fault(fact, policy)) is not None:
        return Outcome.REJECTED, reason
    return Outcome.PROVED, None


def axiom_fault(fact: DeclarationFacts, policy: Policy) -> str | None:
    """The forbidden axioms that the declaration depends on, in one sentence; None if there are none."""
    extra = [f"axiom `{a}`" for a in fact.axioms if a not in policy.allowed_axioms]
    return f"`{fact.display}` rests on " + " and ".join(extra) if extra else None


def distrust(facts: Facts) -> str | None:
    """Why no declaration of a text without an original is trusted, in one sentence; None if each is judged by itself."""
    if facts.violation is not None:
        return facts.violation
    if (irregular := next((d.irregular for d in facts.declarations if d.irregular), None)) is not None:
        return irregular
    return None if facts.replay is None else f"the second check by the kernel failed: {facts.replay}"
