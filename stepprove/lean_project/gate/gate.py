"""The trust gate: does an elaborated candidate prove the original statements, and on which axioms?

The gate treats an unreviewed proof by a machine as hostile. The engine elaborates both texts, and the gate decides on facts about
the two environments (`facts.py`), since a candidate can shape its text and its messages. docs/trust.md says what this establishes
and what it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from stepprove.lean_project.gate.changes import change_below, changes_of
from stepprove.lean_project.gate.facts import DeclarationFacts, Facts, facts_of
from stepprove.lean_project.gate.guard_msgs import unguarded
from stepprove.lean_project.gate.headers import other_header
from stepprove.lean_project.gate.policy import STANDARD_AXIOMS, Policy
from stepprove.lean_project.gate.standing import fault, standing
from stepprove.lean_project.messages import evaluates_a_sorry, first_line
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse, Message
from stepprove.lean_project.repl.repl import Repl, ReplEnded, ReplFailure
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.name_examples import EXAMPLE
from stepprove.outcome import Outcome

__all__ = [
    "STANDARD_AXIOMS",
    "DeclarationFacts",
    "Facts",
    "Judgement",
    "Policy",
    "Verdict",
    "errors_of",
    "facts_of",
    "judge",
    "weigh",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Verdict(_Record):
    """The gate's verdict on one declaration of the original."""

    name: str
    kind: str
    """As in `DeclarationFacts`; `missing` when the candidate lacks it, `undeclared` when the original does."""
    outcome: Outcome
    reason: str | None = None
    axioms: tuple[str, ...] = ()


class Judgement(_Record):
    """The gate's verdict on a whole candidate."""

    outcome: Outcome
    """PROVED if every target is."""
    reason: str | None = None
    culprit: str | None = None
    """The declaration that makes the gate reject the whole candidate."""
    violation: str | None = Field(
        default=None, validation_alias=AliasChoices("breach", "violation"), serialization_alias="breach"
    )
    """Why the gate rejects the whole candidate, even if each of its declarations is proved; None: it does not."""
    verdicts: tuple[Verdict, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every target is proved."""
        return self.outcome is Outcome.PROVED

    def verdict(self, name: str) -> Verdict | None:
        """The verdict on one declaration, or None when the original has no such name."""
        return next((v for v in self.verdicts if v.name == name), None)


def judge(
    repl: Repl,
    original: str,
    candidate: str,
    *,
    env: int | None = None,
    before: CommandResponse | None = None,
    targets: Collection[str] | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    timeout: float | None = None,
) -> Judgement:
    """Judge a candidate against the original text. A time-out or crash of the engine is an outcome, never a verdict.

    Args:
        repl: the process that elaborates both texts.
        original: Lean source that states the targets.
        candidate: Lean source that claims to prove them; the engine elaborates all of it anew.
        env: the environment for both texts; None: each text has its own imports.
        before: this process's answer to the original, if the caller has it.
        targets: names of the declarations that must be proved; None: every theorem of the original and every definition that
            depended on `sorry`.
        policy: what to allow beyond the standard.
        timeout: seconds for each engine call.
    """
    try:
        return _judge(repl, original, candidate, env, before, targets, policy, timeout)
    except ReplFailure as failure:
        return Judgement(outcome=failure.outcome, reason=str(failure))


def _judge(
    repl: Repl,
    original: str,
    candidate: str,
    env: int | None,
    answer_before: CommandResponse | None,
    targets: Collection[str] | None,
    policy: Policy,
    timeout: float | None,
) -> Judgement:
    if (reason := _not_comparable(original, candidate, env)) is not None:
        return Judgement(outcome=Outcome.REJECTED, reason=reason)
    if answer_before is None and env is None:
        repl.renew_after_programs()
    before = answer_before or _original(repl, original, env, timeout)
    if isinstance(before, ErrorResponse):
        return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=before.message)
    if errors := errors_of(before.messages):
        return Judgement(
            outcome=Outcome.INFRASTRUCTURE,
            reason=f"the original has errors of its own: {_first(errors)}",
            messages=before.messages,
        )
    after = repl.command(candidate, env, reuse=False, timeout=timeout)
    if isinstance(after, ErrorResponse):
        return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=after.message)

    def facts(*, confirm: bool) -> Facts:
        return facts_of(
            repl,
            original,
            before,
            candidate,
            after,
            native=policy.native_decide,
            confirm=confirm,
            timeout=timeout,
        )

    judgement = weigh(facts(confirm=False), after.messages, targets=targets, policy=policy)
    if judgement.accepted and repl.ran_programs and not policy.native_decide:
        judgement = weigh(facts(confirm=True), after.messages, targets=targets, policy=policy)
    if judgement.accepted and (bare := unguarded(original, candidate)) is not None:
        return _without_guards(repl, judgement, bare, env, timeout)
    return judgement


def _without_guards(
    repl: Repl, judgement: Judgement, bare: str, env: int | None, timeout: float | None
) -> Judgement:
    """Keep the judgement on an accepted candidate unless Lean reports errors for its text without `#guard_msgs`."""
    answer = repl.command(bare, env, reuse=False, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=answer.message)
    if not (errors := errors_of(answer.messages)):
        return judgement
    failed = {"outcome": Outcome.FAILED, "reason": f"`#guard_msgs` hides an error: {_first(errors)}"}
    verdicts = tuple(v.model_copy(update=failed) for v in judgement.verdicts)
    return judgement.model_copy(update={**failed, "verdicts": verdicts})


def _not_comparable(original: str, candidate: str, env: int | None) -> str | None:
    """Why these two texts cannot be judged by what they declare, in one sentence; None when they can."""
    before = parse_source(original)
    if env is None and (reason := other_header(before, parse_source(candidate))) is not None:
        return reason
    # `verify` gives examples names; without one an example is no declaration.
    example = next((d for d in before.declarations if d.keyword == EXAMPLE and d.holes), None)
    if example is None:
        return None
    return f"the open `example` in line {example.line} of the original has no name: use `verify`"


def _original(
    repl: Repl, text: str, env: int | None, timeout: float | None
) -> CommandResponse | ErrorResponse:
    try:
        return repl.command(text, env, timeout=timeout)
    except ReplEnded as ended:  # the candidate has not failed if the original ends Lean
        raise ReplFailure(f"the original ends Lean: {ended}") from None


def errors_of(messages: Iterable[Message]) -> list[Message]:
    """The errors among Lean's messages, without those of an `#eval` that Lean does not run because its term depends on `sorry`.

    Such an `#eval` declares nothing, and the environment shows which declarations depend on `sorry`.
    """
    return [m for m in messages if m.severity == "error" and not evaluates_a_sorry(m.data)]


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
    errors = errors_of(messages)
    by_name = {d.name: d for d in facts.declarations}
    changes = changes_of(facts, by_name, policy)
    culprit, whole = _violation_of(facts, policy)
    broken = whole
    if changes and facts.violation is None and all(d.irregular is None for d in facts.declarations):
        culprit, broken = next(iter(changes.items()))
    wanted = set(targets) if targets is not None else None
    verdicts = []
    for declaration in facts.declarations:
        if declaration.internal or declaration.statement == "new":
            continue
        if (
            declaration.display in wanted
            if wanted is not None
            else declaration.proof or declaration.depended_on_sorry
        ):
            why = whole or change_below(declaration, changes, by_name)
            verdicts.append(_verdict(declaration, policy, why))
    absent = sorted((wanted or set()) - {v.name for v in verdicts})
    verdicts += [_absent(name, facts) for name in absent]
    if culprit in changes and not any(v.name == culprit for v in verdicts):
        verdicts.append(
            Verdict(name=culprit, kind="changed", outcome=Outcome.REJECTED, reason=changes[culprit])
        )
    kept_messages = tuple(messages)
    if errors:
        reason = _first(errors)
        failed = tuple(
            v
            if v.outcome is not Outcome.PROVED
            else v.model_copy(update={"outcome": Outcome.FAILED, "reason": reason})
            for v in verdicts
        )
        return Judgement(outcome=Outcome.FAILED, reason=reason, verdicts=failed, messages=kept_messages)
    if broken:
        return Judgement(
            outcome=Outcome.REJECTED,
            reason=broken,
            culprit=culprit,
            violation=broken,
            verdicts=tuple(verdicts),
            messages=kept_messages,
        )
    bad = [v for v in verdicts if v.outcome is not Outcome.PROVED]
    if bad:
        return Judgement(
            outcome=bad[0].outcome, reason=bad[0].reason, verdicts=tuple(verdicts), messages=kept_messages
        )
    if not verdicts:
        return Judgement(
            outcome=Outcome.REJECTED,
            reason="there is nothing to prove in the original",
            messages=kept_messages,
        )
    return Judgement(outcome=Outcome.PROVED, verdicts=tuple(verdicts), messages=kept_messages)


def _absent(name: str, facts: Facts) -> Verdict:
    """The verdict on a target that the original or the candidate does not declare."""
    if facts.violation is not None or any(m.display == name for m in facts.missing):
        reason = facts.violation or f"`{name}` of the original is missing"
        return Verdict(name=name, kind="missing", outcome=Outcome.REJECTED, reason=reason)
    reason = f"the original does not declare `{name}`"
    return Verdict(name=name, kind="undeclared", outcome=Outcome.REJECTED, reason=reason)


def _first(errors: Iterable[Message]) -> str:
    error = next(iter(errors))
    return f"line {error.pos.line}: {first_line(error.data)}"


def _violation_of(facts: Facts, policy: Policy) -> tuple[str | None, str | None]:
    """The declaration, if there is one, that makes the whole candidate untrustworthy, and the reason in one sentence."""
    if facts.violation is not None:
        return None, facts.violation
    for declaration in facts.declarations:
        if declaration.irregular is not None:
            return declaration.display, declaration.irregular
    old = {d.display for d in facts.declarations if d.statement != "new"}
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
        if policy.only_holes and not _belongs(declaration.display, old):
            return (
                declaration.display,
                f"the proof declares `{declaration.display}`, which is not in the original",
            )
    if facts.replay is not None:
        return None, f"the second check by the kernel failed: {facts.replay}"
    return None, None


def _belongs(name: str, old: Collection[str]) -> bool:
    """Whether a new name extends a name of the original, as Lean's own lemmas do (`f.eq_1`, `f.match_1.splitter`)."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in old:
            return True
    return False


def _verdict(declaration: DeclarationFacts, policy: Policy, broken: str | None) -> Verdict:
    outcome, reason = standing(declaration, policy, broken)
    return Verdict(
        name=declaration.display,
        kind=declaration.kind,
        outcome=outcome,
        reason=reason,
        axioms=declaration.axioms,
    )
