"""Check a file without an original: an outcome for each declaration, with its errors, goals and axioms."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.decision.standing import distrust, fault, standing
from stepprove.lean_project.gate.inspection.facts import DeclarationFacts, Facts, facts_of
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.texts.reserved_names import PRELUDE_REFUSED, is_prelude
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl
from stepprove.lean_project.source.file import Declaration, SourceFile, apply_edits
from stepprove.lean_project.source.name_examples import NamedExample, name_examples
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
        env = repl.elaborate(prelude, timeout=timeout).env
        skip = source.header_end
    before = repl.elaborate(source.header if prelude is None else "", env, timeout=timeout)

    def read(text: str) -> tuple[CommandResponse, Facts]:
        answer = repl.elaborate(text, env, timeout=timeout)
        native = policy.native_decide
        return answer, facts_of(repl, "", before, text, answer, native=native, timeout=timeout)

    text = source.text[skip:]
    answer, text_facts = read(text)
    facts = [text_facts]
    examples = {e.line: e for e in name_examples(source)}
    for keyword in ("theorem", "noncomputable def") if examples else ():
        edits = [e.edit.within(skip) for e in name_examples(source, keyword)]
        facts.append(read(apply_edits(text, edits))[1])
    return _Reading(source, answer, source.text[:skip].count("\n"), tuple(facts), examples, policy).report()


@dataclass(frozen=True)
class _Reading:
    """Lean's answer to a source text, and facts about it."""

    source: SourceFile
    answer: CommandResponse
    lines_above: int
    """Lines of the source above the text that Lean elaborated."""
    facts: tuple[Facts, ...]
    """Those about the text, then those about the text with names for its examples."""
    examples: dict[int, NamedExample]
    """By their lines."""
    policy: Policy

    def report(self) -> CheckReport:
        """The outcome of each declaration."""
        problems = tuple(
            Diagnostic(
                line=m.pos.line + self.lines_above, column=m.pos.column, severity=m.severity, text=m.data
            )
            for m in self.answer.messages
        )
        errors = [p for p in problems if p.severity == "error"]
        facts = self._facts_by_name()
        refused = next(filter(None, map(distrust, self.facts)), None)
        harmed = _harmed(self.facts[0])
        checks = []
        for declaration in self.source.declarations:
            example = self.examples.get(declaration.line) if declaration.keyword == "example" else None
            fact = facts.pop(components(example.name if example else declaration.full_name or ""), None)
            lines = self._lines(declaration)
            check = _Check(declaration, fact, self._goals(lines), self.policy)
            own_error = next((e for e in errors if e.line in lines), None)
            if own_error is not None:
                checks.append(check.ends(Outcome.FAILED, first_line(own_error.text)))
            elif fact is None and errors and _is_due(declaration):
                undeclared = f"line {errors[0].line}: {first_line(errors[0].text)}"
                checks.append(check.ends(Outcome.FAILED, f"it is not declared: {undeclared}"))
            else:
                checks.append(check.judged(harmed.get(fact.name) if fact else None, refused))
        return CheckReport(
            declarations=tuple(checks),
            problems=tuple(p for p in problems if p.severity in {"error", "warning"}),
            # The facts left over belong to no declaration of the text: a macro, an attribute or an inner definition made them.
            refused=refused or next(filter(None, map(fault, facts.values())), None),
        )

    def _facts_by_name(self) -> dict[tuple[str, ...], DeclarationFacts]:
        """The facts about each declaration, and about each named example."""
        facts = {components(f.display): f for f in self.facts[0].declarations}
        names = {components(e.name) for e in self.examples.values()}
        for fact in (fact for more in self.facts[1:] for fact in more.declarations):
            name = components(fact.display)
            # Lean does not add the section variables that only the proof uses to a theorem, and reports an error then.
            if name in names and (name not in facts or "sorryAx" in facts[name].axioms):
                facts[name] = fact
        return facts

    def _lines(self, declaration: Declaration) -> range:
        """The lines of a declaration."""
        last = self.source.text.count("\n", 0, max(declaration.end - 1, 0)) + 1
        return range(declaration.line, last + 1)

    def _goals(self, lines: range) -> tuple[str, ...]:
        """The goals of the `sorry`s in these lines."""
        placed = ((s.pos.line + self.lines_above, s.goal) for s in self.answer.sorries if s.pos)
        return tuple(goal for line, goal in placed if line in lines)


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
