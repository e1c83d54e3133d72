"""What Lean says of a file as it stands: a verdict for each declaration, with its errors, goals and axioms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.gate import Declaration as Fact
from stepprove.lean_project.gate.gate import Facts, Policy, facts_of
from stepprove.lean_project.gate.reserved_names import PRELUDE_REFUSED, is_prelude
from stepprove.lean_project.gate.standing import distrust, fault, standing
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Declaration, SourceFile, apply_edits
from stepprove.lean_project.source.name_examples import name_examples
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(_Record):
    """A message of Lean's, where the file has it."""

    line: int
    column: int
    severity: str
    text: str


class DeclarationCheck(_Record):
    """What Lean and the gate say of one declaration."""

    name: str
    keyword: str
    line: int
    outcome: Outcome | None
    """PROVED, FAILED (an error, or `sorry`), REJECTED (what the gate would reject) or INFRASTRUCTURE (Lean said nothing about
    it); None for a definition that Lean accepts."""
    reason: str | None = None
    axioms: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    """What stands open at each `sorry`."""


class CheckReport(_Record):
    """What Lean says of a file."""

    declarations: tuple[DeclarationCheck, ...]
    problems: tuple[Problem, ...]
    """Errors and warnings, in the order of the file."""
    refused: str | None = None
    """Why the file as a whole is not trusted, whatever its declarations say; or None."""

    @property
    def passed(self) -> bool:
        """No error anywhere, every theorem proved, and nothing in the file that the gate would refuse."""
        return (
            self.refused is None
            and all(d.outcome in {None, Outcome.PROVED} for d in self.declarations)
            and not any(p.severity == "error" for p in self.problems)
        )


def check_source(
    repl: Repl,
    source: SourceFile,
    *,
    prelude: str | None = None,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    timeout: float | None = None,
) -> CheckReport:
    """Elaborate a source text and judge each of its declarations.

    `prelude` is elaborated in place of the text's imports; `timeout` is in seconds for the whole text.
    Raises ReplFailure when Lean cannot say.
    """
    if is_prelude(source):
        turned_away = (_Check(d, None, (), policy) for d in source.declarations)
        return CheckReport(
            declarations=tuple(c.say(Outcome.REJECTED, PRELUDE_REFUSED) for c in turned_away),
            problems=(),
            refused=PRELUDE_REFUSED,
        )
    repl.renew_after_programs()  # of texts that this one must know nothing of
    env, skip = None, len(source.mark)
    if prelude is not None:
        env = _elaborate(repl, prelude, None, timeout).env
        skip = source.header_end
    nothing = _elaborate(repl, source.header if prelude is None else "", env, timeout)
    text = source.text[skip:]
    shift = source.text[:skip].count("\n")
    answer = _elaborate(repl, text, env, timeout)
    examples = {e.line: e for e in name_examples(source)}
    told = facts_of(repl, "", nothing, text, answer, native=policy.native_decide, timeout=timeout)
    seen = [told]
    facts = {components(f.display): f for f in told.declarations}
    for keyword in ("theorem", "noncomputable def") if examples else ():
        edits = [e.edit.within(skip) for e in name_examples(source, keyword)]
        named_text = apply_edits(text, edits)
        named = _elaborate(repl, named_text, env, timeout)
        names = {components(e.name) for e in examples.values()}
        seen.append(
            facts_of(repl, "", nothing, named_text, named, native=policy.native_decide, timeout=timeout)
        )
        for fact in seen[-1].declarations:
            name = components(fact.display)
            # A theorem does not take in the section variables that only its proof uses, and is then in error.
            if name in names and (name not in facts or "sorryAx" in facts[name].axioms):
                facts[name] = fact
    problems = tuple(
        Problem(line=m.pos.line + shift, column=m.pos.column, severity=m.severity, text=m.data)
        for m in answer.messages
    )
    goals = [(s.pos.line + shift, s.goal) for s in answer.sorries if s.pos]
    refused = next(filter(None, map(distrust, seen)), None)
    harmed = _harmed(told)
    undeclared = next((f"line {p.line}: {_line(p.text)}" for p in problems if p.severity == "error"), None)
    checks = []
    for declaration in source.declarations:
        last = source.text.count("\n", 0, max(declaration.end - 1, 0)) + 1
        span = range(declaration.line, last + 1)
        errors = [p for p in problems if p.severity == "error" and p.line in span]
        example = examples.get(declaration.line) if declaration.keyword == "example" else None
        found = facts.pop(components(example.name if example else declaration.full_name or ""), None)
        check = _Check(declaration, found, tuple(goal for line, goal in goals if line in span), policy)
        if errors:
            checks.append(check.say(Outcome.FAILED, _line(errors[0].text)))
        elif found is None and undeclared and _is_due(declaration):
            checks.append(check.say(Outcome.FAILED, f"it is not declared: {undeclared}"))
        else:
            checks.append(check.judged(harmed.get(found.name) if found else None, refused))
    return CheckReport(
        declarations=tuple(checks),
        problems=tuple(p for p in problems if p.severity in {"error", "warning"}),
        # What no declaration of the text stands for: a macro's, an attribute's, an inner definition's.
        refused=refused or next(filter(None, map(fault, facts.values())), None),
    )


def _line(text: str) -> str:
    return text.splitlines()[0] if text else "error"


def _is_due(declaration: Declaration) -> bool:
    """Whether Lean must know something of that name."""
    return declaration.full_name is not None or declaration.keyword == "example"


def _harmed(facts: Facts) -> dict[str, str]:
    """Why what a declaration means cannot be trusted, by name: something of it is out of the kernel's sight."""
    users: dict[str, list[str]] = {}
    for fact in facts.declarations:
        for used in fact.uses:
            users.setdefault(used, []).append(fact.name)
    harmed: dict[str, str] = {}
    todo = [(fact.name, reason) for fact in facts.declarations if (reason := fault(fact)) is not None]
    while todo:
        name, reason = todo.pop()
        if name not in harmed:
            harmed[name] = reason
            todo += [(user, reason) for user in users.get(name, ())]
    return harmed


def _elaborate(repl: Repl, text: str, env: int | None, timeout: float | None) -> CommandResponse:
    answer = repl.command(text, env, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        raise ReplFailure(answer.message)
    return answer


class _Check:
    """One declaration, and what is known of it."""

    def __init__(
        self, declaration: Declaration, fact: Fact | None, goals: tuple[str, ...], policy: Policy
    ) -> None:
        self.declaration = declaration
        self.fact = fact
        self.goals = goals
        self.policy = policy

    def say(self, outcome: Outcome | None, reason: str | None = None) -> DeclarationCheck:
        """The check with this end."""
        declaration, fact = self.declaration, self.fact
        return DeclarationCheck(
            name=declaration.full_name or f"{declaration.keyword} (line {declaration.line})",
            keyword=declaration.keyword,
            line=declaration.line,
            outcome=outcome,
            reason=reason,
            axioms=() if fact is None else fact.axioms,
            goals=self.goals,
        )

    def judged(self, harm: str | None, refused: str | None) -> DeclarationCheck:
        """The check of a declaration without an error: `harm` keeps it from trust, `refused` the whole file."""
        fact = self.fact
        if self.goals:
            return self.say(Outcome.FAILED, "it contains `sorry`")
        if fact is None:
            due = _is_due(self.declaration)
            return self.say(Outcome.INFRASTRUCTURE, "Lean says nothing about it") if due else self.say(None)
        if "sorryAx" in fact.axioms:
            return self.say(Outcome.FAILED, "it rests on `sorry` through another declaration")
        outcome, reason = standing(fact, self.policy, harm)
        if outcome is Outcome.PROVED and refused is not None:
            outcome, reason = Outcome.REJECTED, refused
        if outcome is Outcome.PROVED and fact.kind != "theorem":
            return self.say(None)
        return self.say(outcome, reason)
