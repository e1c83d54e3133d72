"""The trust gate: whether an elaborated candidate proves the original statements, and on which axioms.

An unreviewed proof by a machine is treated as hostile. Both texts are elaborated by the engine; what counts is then read off
the two environments, not off the texts or off messages, which a candidate could shape (docs/trust.md says what this
establishes and what it does not). The engine sends every declaration of the candidate to the kernel a second time, on top of
nothing but the imports.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.changes import change_below, changes_of
from stepprove.lean_project.gate.guard_msgs import unguarded
from stepprove.lean_project.gate.native_facts import probe
from stepprove.lean_project.gate.second_process import audited
from stepprove.lean_project.gate.standing import fault, standing
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse, Message
from stepprove.lean_project.repl.repl import Repl, ReplEnded, ReplFailure
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome

STANDARD_AXIOMS = frozenset({"propext", "Quot.sound", "Classical.choice"})
NATIVE_AXIOMS = frozenset(
    {"Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler", "Lean.reduceBool", "Lean.reduceNat"}
)
"""What `native_decide` adds: trust in the compiler. The kernel asks it wherever the last two occur in a term, axioms or not."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Declaration(_Fact):
    """One constant that the candidate's text added, as the engine sees it."""

    name: str
    display: str
    """As a person wrote it: without the mangling of `private`."""
    kind: Literal[
        "axiom", "definition", "theorem", "opaque", "quotient", "inductive", "constructor", "recursor"
    ]
    proof: bool
    """A theorem, or a definition of the original whose type is a proposition: its value means nothing."""
    internal: bool
    """Named as the elaborator names what it makes (`foo._proof_1`), and not declared under that name by a person."""
    statement: Literal["new", "same", "changed"]
    """Its kind, universe parameters and type, held against the original's."""
    value: Literal["same", "filled", "refilled", "changed"] | None
    """A definition's value held against the original's; filled: equal but for what stood as `sorry`; refilled: the original
    rested on `sorry` and more than that differs (recursion compiled anew, or a rewritten definition)."""
    rested: bool = False
    """The original's rested on `sorry`, itself or through what it uses."""
    irregular: str | None = None
    """Why it is not to be relied on although the kernel took it: no closed term, no plain inductive type, an ill-typed product of
    the kernel's, or a name that the kernel computes with. None: it is."""
    unchecked: Literal["unsafe", "partial", "implemented_by", "extern", "csimp", "export", "init"] | None
    """How it is out of the kernel's sight, where the original's is not."""
    uses: tuple[str, ...]
    """Constants of the text that its meaning rests on (for a theorem: its statement only)."""
    axioms: tuple[str, ...]


class Missing(_Fact):
    """A constant of the original that the candidate lacks."""

    name: str
    display: str
    internal: bool


class Facts(_Fact):
    """The engine's answer to `inspect`."""

    declarations: tuple[Declaration, ...]
    missing: tuple[Missing, ...]
    replay: str | None
    """Why the kernel refused a second look, or None."""
    breach: str | None = None
    """Why nothing that was asked about the candidate can be relied on, or None."""


class Policy(_Fact):
    """What a caller allows beyond the standard."""

    native_decide: bool = False
    axioms: frozenset[str] = frozenset()
    """Axioms that the user's own file declares and accepts, by name."""
    fixed_by_text: frozenset[str] = frozenset()
    """Declarations whose statement the caller has compared as text: a `def` takes in the section variables that its body uses,
    so the type of an `example`, judged as one, may grow with its proof."""
    only_holes: bool = False
    """The caller has made sure that the candidate differs from the original in its holes alone, byte for byte: then a definition
    that rested on `sorry` may compile to anything, and nothing new may be declared."""

    @property
    def allowed_axioms(self) -> frozenset[str]:
        """Every axiom a proof may rest on."""
        return STANDARD_AXIOMS | self.axioms | (NATIVE_AXIOMS if self.native_decide else frozenset())


class Verdict(_Fact):
    """The gate's word on one declaration of the original."""

    name: str
    kind: str
    """As in `Declaration`; `missing` when the candidate lacks it, `undeclared` when the original does."""
    outcome: Outcome
    reason: str | None = None
    axioms: tuple[str, ...] = ()


class Judgement(_Fact):
    """The gate's word on a whole candidate."""

    outcome: Outcome
    """PROVED only when every declaration asked about is."""
    reason: str | None = None
    culprit: str | None = None
    """The declaration for whose sake the whole candidate is rejected."""
    breach: str | None = None
    """Why the whole candidate is rejected, however many of its declarations are proved."""
    verdicts: tuple[Verdict, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every declaration asked about is proved."""
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
    """Hold a candidate against the original text.

    Both are elaborated in `env` (None: from their own imports), the candidate from its first command to its last; `before` is
    this engine's answer to the original, where the caller has it already. `targets` names the declarations that must be proved;
    None asks about every theorem of the original and every definition that rested on `sorry`. `timeout` is in seconds for each
    of the three engine calls. A time-out or crash of the engine is an outcome of its own, never a verdict.
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
    known: CommandResponse | None,
    targets: Collection[str] | None,
    policy: Policy,
    timeout: float | None,
) -> Judgement:
    if known is None and env is None:
        repl.renew_after_programs()
    before = known or _original(repl, original, env, timeout)
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
    """The judgement on an accepted candidate, unless Lean reports errors for the text without its `#guard_msgs`."""
    answer = repl.command(bare, env, reuse=False, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        return Judgement(outcome=Outcome.INFRASTRUCTURE, reason=answer.message)
    if not (errors := errors_of(answer.messages)):
        return judgement
    failed = {"outcome": Outcome.FAILED, "reason": f"`#guard_msgs` hides an error: {_first(errors)}"}
    verdicts = tuple(v.model_copy(update=failed) for v in judgement.verdicts)
    return judgement.model_copy(update={**failed, "verdicts": verdicts})


def _original(
    repl: Repl, text: str, env: int | None, timeout: float | None
) -> CommandResponse | ErrorResponse:
    try:
        return repl.command(text, env, timeout=timeout)
    except ReplEnded as ended:  # that the original ends Lean is no failure of the candidate
        raise ReplFailure(f"the original ends Lean: {ended}") from None


def errors_of(messages: Iterable[Message]) -> list[Message]:
    """The errors among Lean's messages, but for those of an `#eval` that will not run what still rests on `sorry`.

    Such an `#eval` declares nothing; that something rests on `sorry` is told by the environment.
    """
    return [m for m in messages if m.severity == "error" and not m.data.startswith(_EVAL_OF_SORRY)]


_EVAL_OF_SORRY = "aborting evaluation since the expression depends on the 'sorry' axiom"


def facts_of(
    repl: Repl,
    original: str,
    before: CommandResponse,
    candidate: str,
    after: CommandResponse,
    *,
    native: bool = False,
    confirm: bool = True,
    timeout: float | None = None,
) -> Facts:
    """What the environment that the candidate left holds, compared with the one that the original left.

    An engine that can be asked for terms is asked for them; another is asked with Lean's own commands (see `probes.py`).
    Nothing reaches an environment but through the kernel unless a program runs. After a text that ran one, the facts are those
    that another process tells which ran none of the candidate, unless there is nothing to `confirm`. With `native` what the
    text's compiled code computes counts as proof; its own process is then believed, and its kernel checks everything again.
    Raises ReplFailure when the engine cannot tell.
    """
    if not repl.extended:
        return Facts.model_validate(probe(repl, original, before.env, candidate, after.env, timeout=timeout))
    answer: dict[str, Any] = repl.request(
        {
            "inspect": after.env,
            "against": before.env,
            "replay": native and repl.ran_programs,
            "native": native,
        },
        timeout=timeout,
    )
    if "declarations" not in answer:
        raise ReplFailure(f"the engine could not inspect the environment: {answer.get('message', answer)}")
    facts = Facts.model_validate(answer)
    trusted = facts.breach is None and not any(d.irregular for d in facts.declarations)
    if confirm and trusted and repl.ran_programs and not native:
        facts = confirmed(facts, Facts.model_validate(audited(repl, before.env, after.env, timeout=timeout)))
    return with_names_of(facts, original, candidate)


def confirmed(told: Facts, audit: Facts) -> Facts:
    """The facts of an audit, with what the first process says against the candidate: that counts, what speaks for it does not."""
    first = {d.name: d for d in told.declarations}
    known = {d.name for d in audit.declarations}
    # What is out of the kernel's sight, or rests on the compiler, is not written down for an audit.
    kept = tuple(
        d
        for d in told.declarations
        if d.name not in known and (d.unchecked or d.irregular or not NATIVE_AXIOMS.isdisjoint(d.axioms))
    )
    left = {d.name for d in kept}
    looked_at = tuple(
        d.model_copy(
            update={
                "unchecked": first[d.name].unchecked,
                "irregular": d.irregular or first[d.name].irregular,
            }
        )
        if d.name in first
        else d
        for d in audit.declarations
    )
    return audit.model_copy(
        update={
            "declarations": looked_at + kept,
            "missing": tuple(m for m in audit.missing if m.name not in left),
            "replay": audit.replay or told.replay,
        }
    )


def with_names_of(facts: Facts, *texts: str) -> Facts:
    """The facts, where what one of the texts declares by name is not taken for the elaborator's: `eq_1`, `_step`."""
    told: tuple[Declaration | Missing, ...] = (*facts.declarations, *facts.missing)
    last = {word for fact in told if fact.internal for word in components(fact.display)[-1:]}
    if not any(word in text for word in last for text in texts):
        return facts
    named = {
        components(d.full_name) for text in texts for d in parse_source(text).declarations if d.full_name
    }

    def marked(fact: _T) -> _T:
        known = fact.internal and components(fact.display) in named
        return fact.model_copy(update={"internal": False}) if known else fact

    return facts.model_copy(
        update={
            "declarations": tuple(map(marked, facts.declarations)),
            "missing": tuple(map(marked, facts.missing)),
        }
    )


_T = TypeVar("_T", Declaration, Missing)


def weigh(
    facts: Facts,
    messages: Sequence[Message],
    *,
    targets: Collection[str] | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> Judgement:
    """Decide, from facts alone. Pure: the five points of docs/trust.md, in order."""
    errors = errors_of(messages)
    by_name = {d.name: d for d in facts.declarations}
    changes = changes_of(facts, by_name, policy)
    culprit, whole = _breach(facts, policy)
    broken = whole
    if changes and facts.breach is None and all(d.irregular is None for d in facts.declarations):
        culprit, broken = next(iter(changes.items()))
    asked = set(targets) if targets is not None else None
    verdicts = []
    for declaration in facts.declarations:
        if declaration.internal or declaration.statement == "new":
            continue
        if declaration.display in asked if asked is not None else declaration.proof or declaration.rested:
            why = whole or change_below(declaration, changes, by_name)
            verdicts.append(_verdict(declaration, policy, why))
    absent = sorted((asked or set()) - {v.name for v in verdicts})
    verdicts += [_absent(name, facts) for name in absent]
    if culprit in changes and not any(v.name == culprit for v in verdicts):
        verdicts.append(
            Verdict(name=culprit, kind="changed", outcome=Outcome.REJECTED, reason=changes[culprit])
        )
    found = tuple(messages)
    if errors:
        reason = _first(errors)
        failed = tuple(
            v
            if v.outcome is not Outcome.PROVED
            else v.model_copy(update={"outcome": Outcome.FAILED, "reason": reason})
            for v in verdicts
        )
        return Judgement(outcome=Outcome.FAILED, reason=reason, verdicts=failed, messages=found)
    if broken:
        return Judgement(
            outcome=Outcome.REJECTED,
            reason=broken,
            culprit=culprit,
            breach=broken,
            verdicts=tuple(verdicts),
            messages=found,
        )
    bad = [v for v in verdicts if v.outcome is not Outcome.PROVED]
    if bad:
        return Judgement(
            outcome=bad[0].outcome, reason=bad[0].reason, verdicts=tuple(verdicts), messages=found
        )
    if not verdicts:
        return Judgement(
            outcome=Outcome.REJECTED, reason="there is nothing to prove in the original", messages=found
        )
    return Judgement(outcome=Outcome.PROVED, verdicts=tuple(verdicts), messages=found)


def _absent(name: str, facts: Facts) -> Verdict:
    """The verdict on a name that was asked about and that the two texts do not share."""
    if facts.breach is not None or any(m.display == name for m in facts.missing):
        reason = facts.breach or f"`{name}` of the original is missing"
        return Verdict(name=name, kind="missing", outcome=Outcome.REJECTED, reason=reason)
    reason = f"the original does not declare `{name}`"
    return Verdict(name=name, kind="undeclared", outcome=Outcome.REJECTED, reason=reason)


def _first(errors: Iterable[Message]) -> str:
    error = next(iter(errors))
    return f"line {error.pos.line}: {error.data.splitlines()[0] if error.data else 'error'}"


def _breach(facts: Facts, policy: Policy) -> tuple[str | None, str | None]:
    """What makes the candidate as a whole untrustworthy: a declaration, if it is one, and why in one sentence."""
    if facts.breach is not None:
        return None, facts.breach
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
    """Whether a new name lies under one of the original's, as what Lean makes on demand does (`f.eq_1`, `f.match_1.splitter`)."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in old:
            return True
    return False


def _verdict(declaration: Declaration, policy: Policy, broken: str | None) -> Verdict:
    outcome, reason = standing(declaration, policy, broken)
    return Verdict(
        name=declaration.display,
        kind=declaration.kind,
        outcome=outcome,
        reason=reason,
        axioms=declaration.axioms,
    )
