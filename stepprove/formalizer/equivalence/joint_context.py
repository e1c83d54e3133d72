"""A premise and a target in one text, each with the meaning that it has alone.

The premise's file comes first, its statement with `sorry` for a proof and then as an axiom, so that a proof with that axiom is
one that uses the premise. The target's file follows in a section of its own. One file's `open`s, declarations and notation
could change the other statement; the trust gate compares the terms, and a difference ends the comparison without a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stepprove.formalizer.equivalence.elaboration_context import ElaborationContext
from stepprove.formalizer.statement import BadStatement, Statement
from stepprove.lean_project.gate.gate import Judgement, Policy, errors_of, facts_of, judge, weigh
from stepprove.lean_project.messages import first_line
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.source.commands import NOTATIONS, Chunk
from stepprove.lean_project.source.lexer import tokenize
from stepprove.outcome import Outcome

_SORRY = ":= by sorry"
_LASTING = NOTATIONS | {"instance", "attribute", "deriving", "grind_pattern"}
"""Commands with an effect beyond their section, although they declare no name, or only one that Lean makes."""


class CannotJoin(Exception):
    """One text would change the meaning of a statement; the message is one sentence without a full stop."""


def check_statement(context: ElaborationContext, statement: Statement, name: str) -> None:
    """Check that Lean accepts a statement and reads it as its file has it.

    Raises:
        BadStatement: there are errors in it, or its end was misjudged.
        ReplFailure: Lean gave no answer.
    """
    answer = context.elaborate(_alone(statement, name))
    where = statement.source.path.name if statement.source.path else "the text"
    if errors := errors_of(answer.messages):
        raise BadStatement(
            f"{where} has an error (line {errors[0].pos.line + _lines_above(statement)}: {first_line(errors[0].data)})."
        )
    whole = statement.source.text[statement.source.header_end :]
    cut = statement.source.text[statement.source.header_end : statement.end] + _SORRY
    own = statement.declaration.full_name
    if own is None or whole[len(cut) - len(_SORRY) :].split() in (
        ["sorry"],
        [":=", "by", "sorry"],
        [":=", "sorry"],
    ):
        return
    before, after = context.elaborate(cut), context.elaborate(whole)
    facts = facts_of(context.repl, cut, before, whole, after, confirm=False, timeout=context.timeout)
    if not any(d.display == own and d.statement == "same" for d in facts.declarations):
        raise BadStatement(f"{where} does not state what it seems to: put `sorry` in the place of its proof.")


@dataclass(frozen=True)
class JointText:
    """A premise and a target in one text; made by `join_texts`."""

    premise: Statement
    target: Statement
    premise_name: str
    """The axiom for scripts."""
    stated_name: str
    """The premise in its file; named like Lean's auxiliary lemmas, so that `exact?` skips it."""
    target_name: str
    before: str
    """The text before the target's statement."""
    claim: str
    """The target's statement."""

    @cached_property
    def _head(self) -> str:
        return _premise_part(self.premise, self.stated_name, self.premise_name)

    def emptied(self, script: str) -> str | None:
        """Return the text of a script with an empty premise; None if that cannot be written.

        A proof that also holds there only mentions the premise, as `have := thm_A` does.
        """
        claimless = self.premise.emptied(self.stated_name)
        if claimless is None:
            return None
        head = _premise_part(self.premise, self.stated_name, self.premise_name, claimless)
        return head + self.text(script).removeprefix(self._head)

    def text(self, script: str, *, unlimited: bool = False) -> str:
        """Return the whole text with a proof of the target.

        Args:
            script: the tactics.
            unlimited: lift Lean's limit on work.
        """
        lines = "\n".join("  " + line if line else line for line in script.split("\n"))
        limit = "set_option maxHeartbeats 0\n" if unlimited else ""
        return f"{self.before}{limit}{self.claim} := by\n{lines}\n"

    def without_target(self, claim: str, script: str) -> str:
        """Return a text that proves another claim from the premise, in the target's place."""
        lines = "\n".join("  " + line for line in script.split("\n"))
        return f"{self._head}theorem {self.target_name} : {claim} := by\n{lines}\n"

    @cached_property
    def full_target(self) -> str:
        """Return the target's full name in Lean."""
        return self.target.full_name(self.target_name)


@dataclass(frozen=True)
class JointContext(JointText):
    """A premise and a target in one elaboration context; made by `join`."""

    context: ElaborationContext

    def judge(self, script: str, *, unlimited: bool = False) -> Judgement:
        """Run the gate on a proof of the target, with the premise as an allowed axiom."""
        return judge(
            self.context.repl,
            self.text("sorry", unlimited=unlimited),
            self.text(script, unlimited=unlimited),
            env=self.context.env(),
            targets={self.full_target},
            policy=Policy(axioms=frozenset({self.premise_name}), only_holes=True),
            timeout=self.context.timeout,
        )

    def uses_premise(self, judgement: Judgement) -> bool:
        """Return whether the judged proof depends on the premise."""
        verdict = judgement.verdict(self.full_target)
        return verdict is not None and self.premise_name in verdict.axioms


def join(
    context: ElaborationContext, premise: Statement, target: Statement, sides: tuple[str, str]
) -> JointContext:
    """Put two statements into one text, and check that each keeps its meaning.

    Args:
        context: the elaboration context.
        premise: the statement that becomes an axiom.
        target: the statement to prove.
        sides: the letters of their names, the premise's first.

    Raises:
        CannotJoin: one text would change a meaning.
        ReplFailure: Lean gave no answer.
    """
    joint = JointContext(**vars(join_texts(premise, target, sides)), context=context)
    _compare(joint)
    return joint


def join_texts(premise: Statement, target: Statement, sides: tuple[str, str]) -> JointText:
    """Put two statements into one text without the check of `join`; raise CannotJoin."""
    used = {t.text for s in (premise, target) for t in tokenize(s.source.text) if t.kind == "word"}
    ending = ""
    while any(
        f"{stem}{side}{ending}" in word for word in used for side in sides for stem in ("thm_", "_stated_")
    ):
        ending += "'"
    names = [f"thm_{side}{ending}" for side in sides]
    stated = f"_stated_{sides[0]}{ending}"
    before = _premise_part(premise, stated, names[0]) + _target_context(premise, target)
    claim = target.named(names[1]).rstrip()
    return JointText(premise, target, names[0], stated, names[1], before, claim)


def _premise_part(premise: Statement, stated: str, axiom: str, claim: str | None = None) -> str:
    """Return the premise's file up to its statement (or `claim`), in a section, with the axiom of the same claim."""
    declared = ".".join([*premise._path, stated])
    return (
        f"section\n{_context(premise.context)}{(claim or premise.named(stated)).rstrip()} {_SORRY}\n"
        f"axiom _root_.{axiom} : type_of% @{declared}\n{premise.closing()}end\n"
    )


def _target_context(premise: Statement, target: Statement) -> str:
    """Return the target's file up to its statement, in a section, without the declarations of the premise's file."""
    return f"section\n{_context(_unshared(premise, target))}"


def _context(chunks: tuple[Chunk, ...]) -> str:
    return "".join(chunk.text.rstrip() + "\n" for chunk in chunks if chunk.text.strip())


def _unshared(premise: Statement, target: Statement) -> tuple[Chunk, ...]:
    """Return the target's context without the commands that the premise's context also has and that still hold after it."""
    mine = {_words(chunk.text) for chunk in premise.context}
    names = {d.full_name for d in premise.source.declarations if d.chunk < premise.declaration.chunk} - {None}
    kept = []
    for chunk in target.context:
        declared = {d.full_name for d in target.source.declarations if d.chunk == chunk.index}
        same = _words(chunk.text) in mine
        if clash := sorted(name for name in declared & names if name):
            if not same:
                raise CannotJoin(f"both declare `{clash[0]}`, and not in the same words")
            continue
        if same and "local" not in chunk.text.split() and (declared or chunk.keyword in _LASTING):
            continue
        kept.append(chunk)
    return tuple(kept)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text[t.start : t.end] for t in tokenize(text) if t.kind not in ("doc", "moduledoc"))


def _alone(statement: Statement, name: str) -> str:
    """Return a file up to its statement, with another theorem name and `sorry` for a proof."""
    return f"{_context(statement.context)}{statement.named(name).rstrip()} {_SORRY}\n"


def _compare(joint: JointContext) -> None:
    """Compare the meanings of both statements in the joint text with those that they have alone."""
    context, text = joint.context, joint.text("sorry")
    together = context.elaborate(text)
    if errors := errors_of(together.messages):
        raise CannotJoin(f"they cannot stand in one text: {first_line(errors[0].data)}")
    for statement, name in ((joint.premise, joint.stated_name), (joint.target, joint.target_name)):
        own = _alone(statement, name)
        alone = context.elaborate(own)
        judgement = _held(joint, own, alone, text, together, statement.full_name(name))
        if judgement.outcome is Outcome.REJECTED:
            raise CannotJoin(f"in one text one would change what the other says: {judgement.reason}")


def _held(
    joint: JointContext, own: str, alone: CommandResponse, text: str, together: CommandResponse, name: str
) -> Judgement:
    context = joint.context
    facts = facts_of(context.repl, own, alone, text, together, timeout=context.timeout)
    judgement = weigh(
        facts, together.messages, targets={name}, policy=Policy(axioms=frozenset({joint.premise_name}))
    )
    verdict = judgement.verdict(name)
    if verdict is not None and verdict.kind in ("missing", "undeclared"):
        return judgement.model_copy(update={"outcome": Outcome.REJECTED, "reason": verdict.reason})
    return judgement


def _lines_above(statement: Statement) -> int:
    return statement.source.header.count("\n")
