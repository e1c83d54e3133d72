"""A model's answer as a statement under a given header, checked by Lean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepprove.formalizer.equivalence.elaboration_context import ElaborationContext
from stepprove.formalizer.prompts import THEOREM_NAME
from stepprove.formalizer.statement import BadStatement, Statement, read_statement
from stepprove.lean_project.gate.gate import errors_of
from stepprove.lean_project.repl.protocol import CommandResponse, Message
from stepprove.lean_project.source.file import parse_source
from stepprove.lean_project.source.lexer import tokenize
from stepprove.serving.client.answer import after_thinking, code_of

MOST_CHARACTERS = 50_000
"""Characters of a code; a longer one is refused."""
_MOST_ERRORS = 5
_MOST_WORDS = 1000
_THEOREM = re.compile(r"^(?:theorem|lemma)\b", re.MULTILINE)
_DEFINING = frozenset({"def", "abbrev", "structure", "inductive", "class", "instance", "theorem", "lemma"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that Lean accepts."""

    statement: Statement
    """The statement, without imports."""
    text: str
    """The statement and its definitions, with `sorry` for a proof."""
    name: str
    """The theorem's full name."""
    goal: str


def code_in(answer: str) -> str | None:
    """Return the Lean code of an answer; None if there is none, or if it is too long."""
    code = code_of(after_thinking(answer), THEOREM_NAME)
    return code if code is not None and len(code) <= MOST_CHARACTERS else None


def body_of(code: str, header: str) -> str:
    """Remove the header from the beginning of a code.

    If the code begins otherwise and the header defines something, only the text from the first theorem's keyword on is kept, as
    in StepFun-Formalizer's evaluation; else its imports are removed, because the header has its own.
    """
    tokens, expected = tokenize(code), tokenize(header)
    same = [(t.kind, t.text) for t in tokens[: len(expected)]] == [(t.kind, t.text) for t in expected]
    if expected and same:
        return code[tokens[len(expected) - 1].end :].strip()
    if any(d.keyword in _DEFINING for d in parse_source(header).declarations):
        theorem = _THEOREM.search(code)
        return code[theorem.start() :].strip() if theorem else code
    return code[parse_source(code).header_end :].strip()


@dataclass(frozen=True, slots=True)
class UncheckedCandidate:
    """A statement that Lean has not checked yet."""

    text: str
    """The statement and its definitions, with `sorry` for a proof."""
    name: str
    """The theorem's full name."""

    def read(self, answer: CommandResponse) -> Candidate | str:
        """Return the candidate if Lean's answer accepts it; else the error, for the model's next prompt."""
        if errors := errors_of(answer.messages):
            return _error_report(self.text, errors)
        if len(answer.sorries) != 1:
            return (
                "Only the theorem's proof may be `sorry`; its statement and all definitions must be complete."
            )
        return Candidate(read_statement(self.text), self.text, self.name, answer.sorries[0].goal)


def parse_candidate(code: str, header: str, name: str | None) -> UncheckedCandidate | str:
    """Parse the statement of a code.

    Args:
        code: the model's code.
        header: the text that it may begin with.
        name: the theorem's new name; None keeps its own.

    Returns:
        The statement, or the error for the model's next prompt.
    """
    try:
        statement = read_statement(body_of(code, header))
    except BadStatement as bad:
        return str(bad).replace("the text", "it").capitalize()
    if any(d.keyword == "axiom" for d in statement.source.declarations):
        return "It declares an axiom. State a theorem, and definitions if it needs them."
    last = name or (statement.declaration.name or THEOREM_NAME).rpartition(".")[2]
    context = statement.source.text[: statement.chunk.start]
    return UncheckedCandidate(
        f"{context}{statement.named(last).rstrip()} := by sorry", statement.full_name(last)
    )


def read_candidate(context: ElaborationContext, code: str, header: str, name: str | None) -> Candidate | str:
    """Parse the statement of a code and check it with Lean.

    Raises:
        ReplFailure: Lean gave no answer.
    """
    parsed = parse_candidate(code, header, name)
    return parsed if isinstance(parsed, str) else parsed.read(context.elaborate(parsed.text))


def _error_report(text: str, errors: list[Message]) -> str:
    lines = text.split("\n")
    reports = []
    for error in errors[:_MOST_ERRORS]:
        line = lines[error.pos.line - 1].strip() if 1 <= error.pos.line <= len(lines) else ""
        reports.append(f"Line {error.pos.line}, `{line}`:\n{error.data[:_MOST_WORDS]}")
    if len(errors) > _MOST_ERRORS:
        reports.append(f"There are {len(errors) - _MOST_ERRORS} more errors.")
    return "\n\n".join(reports)
