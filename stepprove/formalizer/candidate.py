"""A model's answer as a statement on a given header, and what Lean says of it."""

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
"""The longest code that is looked at."""
_MOST_ERRORS = 5
_MOST_WORDS = 1000
_THEOREM = re.compile(r"^(?:theorem|lemma)\b", re.MULTILINE)
_DEFINING = frozenset({"def", "abbrev", "structure", "inductive", "class", "instance", "theorem", "lemma"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that Lean has read."""

    statement: Statement
    """Without imports."""
    text: str
    """It and what it needs, with `sorry` for a proof."""
    name: str
    """Its full name."""
    goal: str


def code_in(answer: str) -> str | None:
    """The Lean code of an answer; None when there is none, or too much of it."""
    code = code_of(after_thinking(answer), THEOREM_NAME)
    return code if code is not None and len(code) <= MOST_CHARACTERS else None


def body_of(code: str, header: str) -> str:
    """A code without the header that it was to begin with.

    Where it begins otherwise and the header defines something, only what follows the first theorem's keyword is kept, as
    StepFun-Formalizer's evaluation does; else it loses its imports, for the header's stand.
    """
    said, known = tokenize(code), tokenize(header)
    same = [(t.kind, t.text) for t in said[: len(known)]] == [(t.kind, t.text) for t in known]
    if known and same:
        return code[said[len(known) - 1].end :].strip()
    if any(d.keyword in _DEFINING for d in parse_source(header).declarations):
        theorem = _THEOREM.search(code)
        return code[theorem.start() :].strip() if theorem else code
    return code[parse_source(code).header_end :].strip()


@dataclass(frozen=True, slots=True)
class UncheckedCandidate:
    """A statement that Lean has not read yet."""

    text: str
    """It and what it needs, with `sorry` for a proof."""
    name: str
    """Its full name."""

    def read(self, answer: CommandResponse) -> Candidate | str:
        """What Lean's answer to the text makes of it; or what is wrong, for the model to read."""
        if errors := errors_of(answer.messages):
            return _told(self.text, errors)
        if len(answer.sorries) != 1:
            return (
                "Only the theorem's proof may be `sorry`; its statement and all definitions must be complete."
            )
        return Candidate(read_statement(self.text), self.text, self.name, answer.sorries[0].goal)


def parse_candidate(code: str, header: str, name: str | None) -> UncheckedCandidate | str:
    """The statement in a code, named `name` (None: as the code has it); or what is wrong with it, for the model to read."""
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


def read_candidate(ground: ElaborationContext, code: str, header: str, name: str | None) -> Candidate | str:
    """What `parse_candidate` finds, read by Lean. Raises ReplFailure when Lean does not answer."""
    found = parse_candidate(code, header, name)
    return found if isinstance(found, str) else found.read(ground.elaborate(found.text))


def _told(text: str, errors: list[Message]) -> str:
    lines = text.split("\n")
    told = []
    for error in errors[:_MOST_ERRORS]:
        line = lines[error.pos.line - 1].strip() if 1 <= error.pos.line <= len(lines) else ""
        told.append(f"Line {error.pos.line}, `{line}`:\n{error.data[:_MOST_WORDS]}")
    if len(errors) > _MOST_ERRORS:
        told.append(f"There are {len(errors) - _MOST_ERRORS} more errors.")
    return "\n\n".join(told)
