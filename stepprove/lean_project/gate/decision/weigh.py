"""The decision on a candidate, from facts and Lean's messages alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stepprove.lean_project.gate.decision.changes import change_below, changes_of
from stepprove.lean_project.gate.decision.judgement import Judgement, Verdict, errors_of, first_error
from stepprove.lean_project.gate.decision.standing import fault, standing
from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.repl.protocol import Message
from stepprove.lean_project.source.names import NameTree
from stepprove.outcome import Outcome

__all__ = ["weigh"]


def weigh(
    facts: Facts,
    messages: Sequence[Message],
    *,
    targets: Collection[str] | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> Judgement:
    """Decide from facts alone: the five points of docs/trust.md, in order.

    Args:
        facts: the comparison of the candidate's environment with the original's.
        messages: Lean's messages on the candidate.
        targets: names that must be proved; None: every theorem of the original and every definition that depended on `sorry`.
        policy: what to allow beyond the standard.
    """
    by_name = {d.name: d for d in facts.declarations}
    changes = changes_of(facts, by_name, policy)
    culprit, whole = _violation_of(facts, policy)
    broken = whole
    if changes and facts.violation is None and all(d.irregular is None for d in facts.declarations):
        culprit, broken = next(iter(changes.items()))
    wanted = set(targets) if targets is not None else None
    verdicts = [
        _verdict(declaration, policy, whole or change_below(declaration, changes, by_name))
        for declaration in facts.declarations
        if _is_target(declaration, wanted)
    ]
    absent = sorted((wanted or set()) - {v.name for v in verdicts})
    verdicts += [_absent(name, facts) for name in absent]
    if culprit in changes and not any(v.name == culprit for v in verdicts):
        verdicts.append(
            Verdict(name=culprit, kind="changed", outcome=Outcome.REJECTED, reason=changes[culprit])
        )
    return _concluded(tuple(verdicts), tuple(messages), culprit, broken)


def _is_target(declaration: DeclarationFacts, wanted: Collection[str] | None) -> bool:
    """Whether a declaration must be proved."""
    if declaration.internal or declaration.statement == "new":
        return False
    return (
        declaration.display in wanted
        if wanted is not None
        else declaration.proof or declaration.depended_on_sorry
    )


def _concluded(
    verdicts: tuple[Verdict, ...], messages: tuple[Message, ...], culprit: str | None, broken: str | None
) -> Judgement:
    """The judgement from the verdicts, Lean's messages and the reason, if there is one, against the whole candidate."""
    if errors := errors_of(messages):
        reason = first_error(errors)
        failed = tuple(
            v
            if v.outcome is not Outcome.PROVED
            else v.model_copy(update={"outcome": Outcome.FAILED, "reason": reason})
            for v in verdicts
        )
        return Judgement(outcome=Outcome.FAILED, reason=reason, verdicts=failed, messages=messages)
    if broken:
        return Judgement(
            outcome=Outcome.REJECTED,
            reason=broken,
            culprit=culprit,
            violation=broken,
            verdicts=verdicts,
            messages=messages,
        )
    if (bad := next((v for v in verdicts if v.outcome is not Outcome.PROVED), None)) is not None:
        return Judgement(outcome=bad.outcome, reason=bad.reason, verdicts=verdicts, messages=messages)
    if not verdicts:
        reason = "there is nothing to prove in the original"
        return Judgement(outcome=Outcome.REJECTED, reason=reason, messages=messages)
    return Judgement(outcome=Outcome.PROVED, verdicts=verdicts, messages=messages)


def _absent(name: str, facts: Facts) -> Verdict:
    """The verdict on a target that the original or the candidate does not declare."""
    if facts.violation is not None or any(m.display == name for m in facts.missing):
        reason = facts.violation or f"`{name}` of the original is missing"
        return Verdict(name=name, kind="missing", outcome=Outcome.REJECTED, reason=reason)
    reason = f"the original does not declare `{name}`"
    return Verdict(name=name, kind="undeclared", outcome=Outcome.REJECTED, reason=reason)


def _violation_of(facts: Facts, policy: Policy) -> tuple[str | None, str | None]:
    """The declaration, if there is one, that makes the whole candidate untrustworthy, and the reason in one sentence."""
    if facts.violation is not None:
        return None, facts.violation
    for declaration in facts.declarations:
        if declaration.irregular is not None:
            return declaration.display, declaration.irregular
    # Lean's own lemmas extend a name of the original: `f.eq_1`, `f.match_1.splitter`.
    old = NameTree(d.display for d in facts.declarations if d.statement != "new" and policy.only_holes)
    for declaration in facts.declarations:
        if (reason := fault(declaration)) is not None:
            return declaration.display, reason
        if declaration.statement != "new":
            continue
        if declaration.kind == "axiom" and declaration.name not in policy.axioms:
            return declaration.display, f"the candidate declares the axiom `{declaration.display}`"
        if policy.only_holes and declaration.kind not in {"axiom", "definition", "theorem"}:
            return (
                declaration.display,
                f"the proof declares the {declaration.kind} `{declaration.display}`: it may declare nothing",
            )
        if declaration.internal:
            continue
        if policy.native_decide and not policy.only_holes and "sorryAx" in declaration.axioms:
            return (
                declaration.display,
                f"`{declaration.display}` rests on `sorry`, and what is computed may rest on it unseen",
            )
        if policy.only_holes and not old.has_prefix_of(declaration.display):
            return (
                declaration.display,
                f"the proof declares `{declaration.display}`, which is not in the original",
            )
    if facts.replay is not None:
        return None, f"the second check by the kernel failed: {facts.replay}"
    return None, None


def _verdict(declaration: DeclarationFacts, policy: Policy, broken: str | None) -> Verdict:
    outcome, reason = standing(declaration, policy, broken)
    return Verdict(
        name=declaration.display,
        kind=declaration.kind,
        outcome=outcome,
        reason=reason,
        axioms=declaration.axioms,
    )
