"""What Lean says of a file as it stands: a verdict for each declaration, with its errors, goals and axioms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.examples import name_examples
from stepprove.lean_project.gate import Declaration as Fact
from stepprove.lean_project.gate import Policy, facts_of
from stepprove.lean_project.names import components
from stepprove.lean_project.outcome import Outcome
from stepprove.lean_project.protocol import CommandResponse, ErrorResponse
from stepprove.lean_project.repl import Repl, ReplFailure
from stepprove.lean_project.source import Declaration, SourceFile, apply_edits


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
    """PROVED, FAILED (an error, or `sorry`) or REJECTED (axioms); None for a definition that Lean accepts."""
    reason: str | None = None
    axioms: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    """What stands open at each `sorry`."""


class CheckReport(_Record):
    """What Lean says of a file."""

    declarations: tuple[DeclarationCheck, ...]
    problems: tuple[Problem, ...]
    """Errors and warnings, in the order of the file."""

    @property
    def passed(self) -> bool:
        """No error anywhere, and every theorem proved."""
        return all(d.outcome in {None, Outcome.PROVED} for d in self.declarations) and not any(
            p.severity == "error" for p in self.problems
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
    env, skip = None, len(source.mark)
    if prelude is not None:
        env = _elaborate(repl, prelude, None, timeout).env
        skip = source.header_end
    nothing = _elaborate(repl, source.header if prelude is None else "", env, timeout)
    text = source.text[skip:]
    shift = source.text[:skip].count("\n")
    answer = _elaborate(repl, text, env, timeout)
    examples = {e.line: e for e in name_examples(source)}
    told = facts_of(repl, "", nothing, text, answer, timeout=timeout)
    facts = {components(f.display): f for f in told.declarations}
    for keyword in ("theorem", "noncomputable def") if examples else ():
        edits = [e.edit.within(skip) for e in name_examples(source, keyword)]
        named_text = apply_edits(text, edits)
        named = _elaborate(repl, named_text, env, timeout)
        names = {components(e.name) for e in examples.values()}
        for fact in facts_of(repl, "", nothing, named_text, named, timeout=timeout).declarations:
            name = components(fact.display)
            # A theorem does not take in the section variables that only its proof uses, and is then in error.
            if name in names and (name not in facts or "sorryAx" in facts[name].axioms):
                facts[name] = fact
    problems = tuple(
        Problem(line=m.pos.line + shift, column=m.pos.column, severity=m.severity, text=m.data)
        for m in answer.messages
    )
    goals = [(s.pos.line + shift, s.goal) for s in answer.sorries if s.pos]
    checks = []
    for declaration in source.declarations:
        last = source.text.count("\n", 0, max(declaration.end - 1, 0)) + 1
        span = range(declaration.line, last + 1)
        errors = [p for p in problems if p.severity == "error" and p.line in span]
        example = examples.get(declaration.line) if declaration.keyword == "example" else None
        found = facts.get(components(example.name if example else declaration.full_name or ""))
        open_goals = tuple(goal for line, goal in goals if line in span)
        checks.append(_check(declaration, found, errors, open_goals, policy))
    return CheckReport(
        declarations=tuple(checks), problems=tuple(p for p in problems if p.severity in {"error", "warning"})
    )


def _elaborate(repl: Repl, text: str, env: int | None, timeout: float | None) -> CommandResponse:
    answer = repl.command(text, env, timeout=timeout)
    if isinstance(answer, ErrorResponse):
        raise ReplFailure(answer.message)
    return answer


def _check(
    declaration: Declaration,
    fact: Fact | None,
    errors: list[Problem],
    goals: tuple[str, ...],
    policy: Policy,
) -> DeclarationCheck:
    def say(outcome: Outcome | None, reason: str | None = None) -> DeclarationCheck:
        return DeclarationCheck(
            name=declaration.full_name or f"{declaration.keyword} (line {declaration.line})",
            keyword=declaration.keyword,
            line=declaration.line,
            outcome=outcome,
            reason=reason,
            axioms=() if fact is None else fact.axioms,
            goals=goals,
        )

    if errors:
        return say(Outcome.FAILED, errors[0].text.splitlines()[0] if errors[0].text else "error")
    if goals:
        return say(Outcome.FAILED, "it contains `sorry`")
    if fact is None:
        return say(None)
    if "sorryAx" in fact.axioms:
        return say(Outcome.FAILED, "it rests on `sorry` through another declaration")
    extra = [a for a in fact.axioms if a not in policy.allowed_axioms]
    if fact.kind == "axiom":
        return say(None)
    if extra:
        return say(Outcome.REJECTED, "it rests on " + ", ".join(f"the axiom `{a}`" for a in extra))
    return say(Outcome.PROVED if fact.kind == "theorem" else None)
