"""Check a file without an original: an outcome for each declaration, with its errors, goals and axioms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.facts import DeclarationFacts, Facts, facts_of
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.reserved_names import PRELUDE_REFUSED, is_prelude
from stepprove.lean_project.gate.standing import distrust, fault, standing
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.repl.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl.repl import Repl, ReplFailure
from stepprove.lean_project.source.file import Declaration, SourceFile, apply_edits
from stepprove.lean_project.source.name_examples import name_examples
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Diagnostic(_Record):
    """One message of Lean, at its place in the file."""

    line: int
    column: int
    severity: str
    text: str


class DeclarationCheck(_Record):
    """The outcome of one declaration."""

    name: str
    keyword: str
    line: int
    outcome: Outcome | None
    """PROVED, FAILED (an error, or `sorry`), REJECTED (the gate would reject it) or INFRASTRUCTURE (Lean reported nothing about
    it); None for a definition that Lean accepts."""
    reason: str | None = None
    axioms: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    """The goal at each `sorry`."""


class CheckReport(_Record):
    """The outcomes of a file's declarations, and Lean's messages."""

    declarations: tuple[DeclarationCheck, ...]
    problems: tuple[Diagnostic, ...]
    """Errors and warnings, in the order of the file."""
    refused: str | None = None
    """Why the whole file is untrustworthy, or None."""

    @property
    def passed(self) -> bool:
        """True if Lean reports no error, every theorem is proved, and the gate would refuse nothing in the file."""
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

    Args:
        repl: the process that elaborates it.
        source: the text.
        prelude: Lean source that replaces the text's imports.
        policy: what to allow beyond the standard.
        timeout: seconds for each engine call.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    if is_prelude(source):
        refused_checks = (_Check(d, None, (), policy) for d in source.declarations)
        return CheckReport(
            declarations=tuple(c.ends(Outcome.REJECTED, PRELUDE_REFUSED) for c in refused_checks),
            problems=(),
            refused=PRELUDE_REFUSED,
        )
    repl.renew_after_programs()  # no program of an earlier text may touch this one
    env, skip = None, len(source.mark)
    if prelude is not None:
        env = _elaborate(repl, prelude, None, timeout).env
        skip = source.header_end
    header_answer = _elaborate(repl, source.header if prelude is None else "", env, timeout)
    text = source.text[skip:]
    shift = source.text[:skip].count("\n")
    answer = _elaborate(repl, text, env, timeout)
    examples = {e.line: e for e in name_examples(source)}
    text_facts = facts_of(repl, "", header_answer, text, answer, native=policy.native_decide, timeout=timeout)
    all_facts = [text_facts]
    facts = {components(f.display): f for f in text_facts.declarations}
    for keyword in ("theorem", "noncomputable def") if examples else ():
        edits = [e.edit.within(skip) for e in name_examples(source, keyword)]
        named_text = apply_edits(text, edits)
        named = _elaborate(repl, named_text, env, timeout)
        names = {components(e.name) for e in examples.values()}
        all_facts.append(
            facts_of(repl, "", header_answer, named_text, named, native=policy.native_decide, timeout=timeout)
        )
        for fact in all_facts[-1].declarations:
            name = components(fact.display)
            # Lean does not add the section variables that only the proof uses to a theorem, and reports an error then.
            if name in names and (name not in facts or "sorryAx" in facts[name].axioms):
                facts[name] = fact
    problems = tuple(
        Diagnostic(line=m.pos.line + shift, column=m.pos.column, severity=m.severity, text=m.data)
        for m in answer.messages
    )
    goals = [(s.pos.line + shift, s.goal) for s in answer.sorries if s.pos]
    refused = next(filter(None, map(distrust, all_facts)), None)
    harmed = _harmed(text_facts)
    undeclared = next(
        (f"line {p.line}: {first_line(p.text)}" for p in problems if p.severity == "error"), None
    )
    checks = []
    for declaration in source.declarations:
        last = source.text.count("\n", 0, max(declaration.end - 1, 0)) + 1
        span = range(declaration.line, last + 1)
        errors = [p for p in problems if p.severity == "error" and p.line in span]
        example = examples.get(declaration.line) if declaration.keyword == "example" else None
        own_facts = facts.pop(components(example.name if example else declaration.full_name or ""), None)
        check = _Check(declaration, own_facts, tuple(goal for line, goal in goals if line in span), policy)
        if errors:
            checks.append(check.ends(Outcome.FAILED, first_line(errors[0].text)))
        elif own_facts is None and undeclared and _is_due(declaration):
            checks.append(check.ends(Outcome.FAILED, f"it is not declared: {undeclared}"))
        else:
            checks.append(check.judged(harmed.get(own_facts.name) if own_facts else None, refused))
    return CheckReport(
        declarations=tuple(checks),
        problems=tuple(p for p in problems if p.severity in {"error", "warning"}),
        # The facts left over belong to no declaration of the text: a macro, an attribute or an inner definition made them.
        refused=refused or next(filter(None, map(fault, facts.values())), None),
    )


def _is_due(declaration: Declaration) -> bool:
    """Whether the environment must hold a constant for this declaration."""
    return declaration.full_name is not None or declaration.keyword == "example"


def _harmed(facts: Facts) -> dict[str, str]:
    """The names of declarations whose meaning depends on a constant that escapes the kernel, each with the reason."""
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
    """One declaration with its facts and open goals."""

    def __init__(
        self, declaration: Declaration, fact: DeclarationFacts | None, goals: tuple[str, ...], policy: Policy
    ) -> None:
        self.declaration = declaration
        self.fact = fact
        self.goals = goals
        self.policy = policy

    def ends(self, outcome: Outcome | None, reason: str | None = None) -> DeclarationCheck:
        """The check with this outcome."""
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
        """The check of a declaration without an error; `harm` is a reason against it alone, `refused` one against the file."""
        fact = self.fact
        if self.goals:
            return self.ends(Outcome.FAILED, "it contains `sorry`")
        if fact is None:
            due = _is_due(self.declaration)
            return self.ends(Outcome.INFRASTRUCTURE, "Lean says nothing about it") if due else self.ends(None)
        if "sorryAx" in fact.axioms:
            return self.ends(Outcome.FAILED, "it rests on `sorry` through another declaration")
        outcome, reason = standing(fact, self.policy, harm)
        if outcome is Outcome.PROVED and refused is not None:
            outcome, reason = Outcome.REJECTED, refused
        if outcome is Outcome.PROVED and fact.kind != "theorem":
            return self.ends(None)
        return self.ends(outcome, reason)
