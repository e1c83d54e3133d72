"""Equivalence of two statements by restricted proofs of each from the other: BEq, BEqL, BEq+.

Arbitrary proofs would make all true theorems equivalent, so the tactics are few (`methods.py`) and the proof must use the
premise. The finished proof's axioms show it: the premise is one of them, the rest are Lean's three, and the trust gate judges
it, not a message's text. `not shown` says nothing about the statements, least of all that they differ; a direction that ran out
of time is `unknown`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stepprove.formalizer.equivalence import methods
from stepprove.formalizer.equivalence.closers import CORE, MATHLIB, Closers
from stepprove.formalizer.equivalence.elaboration_context import ElaborationContext
from stepprove.formalizer.equivalence.joint_context import CannotJoin, JointContext, check_statement, join
from stepprove.formalizer.equivalence.methods import Method, MethodStep
from stepprove.formalizer.statement import BadStatement, Statement
from stepprove.lean_project.gate.gate import errors_of
from stepprove.lean_project.messages import reports_a_limit, suggested_tactics
from stepprove.lean_project.repl.protocol import Message
from stepprove.lean_project.repl.repl import Repl, ReplClosed, ReplFailure, ReplMemory, ReplTimeout
from stepprove.outcome import Outcome

__all__ = ["Direction", "Equivalence", "EquivalenceVerdict", "compare", "equivalent", "gave_up", "suggestion"]


class EquivalenceVerdict(StrEnum):
    """The verdict on two statements, or on one direction."""

    EQUIVALENT = "equivalent"
    """Each was proved from the other (for a direction: the target from the premise)."""
    NOT_SHOWN = "not shown"
    """The method found no proof that uses the premise; a proof may exist."""
    UNKNOWN = "unknown"
    """Time or memory ran out, or Lean died, before the method ended."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Direction(_Record):
    """The attempt to prove one statement from the other."""

    premise: Literal["A", "B"]
    target: Literal["A", "B"]
    verdict: EquivalenceVerdict
    step: str | None = None
    """The step of the method that found the proof."""
    proof: str | None = None
    """Tactics for the target; `thm_A` or `thm_B` is the premise."""
    axioms: tuple[str, ...] = ()
    """Axioms beside the premise."""
    reason: str | None = None
    """The reason that there is no proof."""
    infrastructure: bool = False
    """The verdict is unknown because memory ran out or Lean died, not because time ran out; a retry may decide it."""
    seconds: float


class Equivalence(_Record):
    """The verdict of a method on two statements."""

    verdict: EquivalenceVerdict
    method: str
    directions: tuple[Direction, ...]
    """The directions that were tried; the second is skipped if the first fails."""
    reason: str | None = None
    stand_ins: tuple[str, ...] = ()
    """The differences from the published method, a sentence each."""
    infrastructure: bool = False
    """As in `Direction`."""

    @property
    def equivalent(self) -> bool:
        """Whether each was proved from the other."""
        return self.verdict is EquivalenceVerdict.EQUIVALENT


Proposals = Callable[[JointContext], Iterator[MethodStep]]
"""Yields further scripts for a direction, such as a model's, after the method's."""


def equivalent(
    repl: Repl,
    a: Statement,
    b: Statement,
    *,
    header: str | None = None,
    method: Method = "beq+",
    propose: Proposals | None = None,
    label: str | None = None,
    timeout: float = 60.0,
) -> Equivalence:
    """Try to prove each of two statements from the other.

    Args:
        repl: the Lean process.
        a: a statement.
        b: another.
        header: replaces both files' imports; None: their own, which must be equal.
        method: the steps.
        propose: further scripts for a direction, tried after the method's.
        label: the name of the method in the result, if `propose` makes it another one.
        timeout: seconds for each text.

    Raises:
        BadStatement: Lean reports errors in one of them, or they import different modules.
        ReplClosed: the process is closed.
    """
    if header is None:
        header = _common_header(a, b)
    context = ElaborationContext(repl, header, timeout=timeout)
    return compare(context, a, b, method, propose=propose, label=label)


def compare(
    context: ElaborationContext,
    a: Statement,
    b: Statement,
    method: Method = "beq+",
    *,
    propose: Proposals | None = None,
    label: str | None = None,
) -> Equivalence:
    """Compare two statements without imports in an existing context; see `equivalent`."""
    try:
        for statement, name in ((a, "thm_A"), (b, "thm_B")):
            check_statement(context, statement, name)
        closers = MATHLIB if context.has_mathlib() else CORE
        directions = [_direction(context, (a, b), ("A", "B"), method, closers, propose)]
        if directions[0].verdict is not EquivalenceVerdict.NOT_SHOWN:
            directions.append(_direction(context, (b, a), ("B", "A"), method, closers, propose))
    except ReplClosed:
        raise
    except ReplFailure as failure:
        return Equivalence(
            verdict=EquivalenceVerdict.UNKNOWN,
            method=label or method,
            directions=(),
            reason=str(failure),
            infrastructure=not isinstance(failure, ReplTimeout),
        )
    finally:
        context.forget()
    worst = next(
        (
            d
            for v in (EquivalenceVerdict.NOT_SHOWN, EquivalenceVerdict.UNKNOWN)
            for d in directions
            if d.verdict is v
        ),
        directions[0],
    )
    return Equivalence(
        verdict=worst.verdict,
        method=label or method,
        directions=tuple(directions),
        reason=worst.reason,
        infrastructure=worst.verdict is EquivalenceVerdict.UNKNOWN
        and any(d.infrastructure for d in directions),
        stand_ins=closers.stand_ins if method == "beq+" else (),
    )


def suggestion(messages: tuple[Message, ...]) -> str | None:
    """Return the last tactic that `exact?` suggests; None if there is none."""
    return next(reversed(suggested_tactics(m.data for m in messages if m.severity == "info")), None)


def gave_up(errors: Iterable[Message]) -> bool:
    """Return whether Lean reached a limit of time or depth, so that its errors decide nothing."""
    return any(reports_a_limit(error.data) for error in errors)


def _common_header(a: Statement, b: Statement) -> str:
    mine, theirs = set(a.source.imports), set(b.source.imports)
    if mine != theirs:
        module = min(mine ^ theirs)
        first, second = (a, b) if module in mine else (b, a)
        names = [s.source.path.name if s.source.path else "one text" for s in (first, second)]
        raise BadStatement(f"{names[0]} imports {module}, {names[1]} does not: give both the same imports.")
    return a.source.header


def _direction(
    context: ElaborationContext,
    statements: tuple[Statement, Statement],
    sides: tuple[Literal["A", "B"], Literal["A", "B"]],
    method: Method,
    closers: Closers,
    propose: Proposals | None,
) -> Direction:
    """Try the steps in order until one gives a proof that uses the premise."""
    started = time.monotonic()

    def say(
        verdict: EquivalenceVerdict,
        reason: str | None = None,
        proof: _FoundProof | None = None,
        infrastructure: bool = False,
    ) -> Direction:
        return Direction(
            premise=sides[0],
            target=sides[1],
            verdict=verdict,
            step=proof.step if proof else None,
            proof=proof.proof if proof else None,
            axioms=proof.axioms if proof else (),
            reason=reason,
            infrastructure=infrastructure,
            seconds=round(time.monotonic() - started, 3),
        )

    try:
        joint = join(context, *statements, sides)
        search = _DirectionSearch(joint, closers)
        scripts = methods.steps(method, closers, joint.premise_name, joint.premise.conclusion, search.goal())
        for step in scripts:
            if (proof := search.attempt(step)) is not None:
                return say(EquivalenceVerdict.EQUIVALENT, proof=proof)
        for step in propose(joint) if propose is not None else ():
            if (proof := search.attempt(step)) is not None:
                return say(EquivalenceVerdict.EQUIVALENT, proof=proof)
    except CannotJoin as apart:
        return say(EquivalenceVerdict.NOT_SHOWN, str(apart))
    except ReplClosed:
        raise
    except ReplFailure as failure:
        return say(
            EquivalenceVerdict.UNKNOWN, str(failure), infrastructure=not isinstance(failure, ReplTimeout)
        )
    if search.late:
        what = "time or memory" if search.spoiled else "time"
        why = f"{what} ran out in {', '.join(search.late)}, and no other step found a proof"
        return say(EquivalenceVerdict.UNKNOWN, why, infrastructure=search.spoiled)
    return say(EquivalenceVerdict.NOT_SHOWN, search.reason(sides))


@dataclass(frozen=True, slots=True)
class _FoundProof:
    step: str
    proof: str
    axioms: tuple[str, ...]


class _DirectionSearch:
    """The steps tried in one direction."""

    def __init__(self, joint: JointContext, closers: Closers) -> None:
        self.joint, self.closers = joint, closers
        self.late: list[str] = []
        """Steps that ran out of time, depth or memory."""
        self.without: list[str] = []
        """Steps whose proof does not use the premise, or is not trusted to use it."""
        self.spoiled = False
        """One of these ran out of memory, or Lean died."""
        self._closed: dict[str, bool] = {}
        self.trivial = self.explosive = False

    def goal(self) -> str:
        """Return the target's goal."""
        answer = self.joint.context.elaborate(self.joint.text("sorry"))
        return answer.sorries[-1].goal if answer.sorries else ""

    def attempt(self, step: MethodStep) -> _FoundProof | None:
        """Try one script."""
        afterwards = step.searches or step.literal is not None  # most scripts never need it
        if not afterwards and self._forbidden(step):
            return None
        if not step.refutable and self.explodes():
            return None
        messages = self._run(step.name, self.joint.text(step.script, unlimited=step.searches))
        if messages is None:
            return None
        scripts = [step.script]
        if step.searches and (term := suggestion(messages)) is not None:
            scripts.insert(0, step.script.removesuffix("exact?") + term)
            if self.joint.premise_name not in term:
                self.without.append(step.name)
                return None
            if not applies(term, self.joint.premise_name) and self.explodes():
                self.without.append(step.name)
                return None
        for script in scripts:
            if (answer := self._judged(step, script)) is not None:
                return None if afterwards and self._forbidden(step) else answer
        return None

    def _forbidden(self, step: MethodStep) -> bool:
        """Return whether the target is provable without the premise, so that the step does not count."""
        if step.unless is None or (
            step.literal is not None and self._run(step.name, self.joint.text(step.literal)) is not None
        ):
            return False
        closed = self._closes("the target alone", self.joint.text(step.unless))
        self.trivial |= closed
        return closed

    def explodes(self) -> bool:
        """Return whether the closing tactics refute the premise."""
        script = methods.refutation(self.closers, self.joint.premise_name)
        self.explosive = self._closes("the premise alone", self.joint.without_target("False", script))
        return self.explosive

    def reason(self, sides: tuple[str, str]) -> str:
        """Return the reason that no step gave a proof, in a sentence without a full stop."""
        premise, target = sides
        if self.explosive:
            return f"{premise} alone gives False, from which everything follows, and no step gets {target} from it otherwise"
        if self.trivial:
            return f"{target} is provable without {premise}, and no step gets it by applying {premise}"
        if self.without:
            return f"`{self.without[0]}` proves {target} without using {premise}"
        return f"no step found a proof of {target} from {premise}"

    def _closes(self, what: str, text: str) -> bool:
        """Return whether a text elaborates; true if Lean cannot decide it."""
        if text not in self._closed:
            before = len(self.late)
            self._closed[text] = self._run(what, text) is not None or len(self.late) > before
        return self._closed[text]

    def _mentions(self, step: MethodStep, script: str) -> bool:
        """Return whether a script proves the target from an empty premise as well."""
        if step.searches or step.name == "restatement":
            return False
        text = self.joint.emptied(script)
        return text is not None and self._closes(f"{step.name} without the premise's claim", text)

    def _run(self, name: str, text: str) -> tuple[Message, ...] | None:
        """Return Lean's messages; None if they have errors or Lean gave no answer in time."""
        try:
            answer = self.joint.context.elaborate(text)
        except (ReplTimeout, ReplMemory) as ended:
            self.late.append(name)
            self.spoiled |= isinstance(ended, ReplMemory)
            return None
        if errors := errors_of(answer.messages):
            if gave_up(errors):
                self.late.append(name)
            return None
        return answer.messages

    def _judged(self, step: MethodStep, script: str) -> _FoundProof | None:
        judgement = self.joint.judge(script, unlimited=step.searches)
        if judgement.outcome in (Outcome.TIMEOUT, Outcome.INFRASTRUCTURE):
            self.late.append(step.name)
            self.spoiled |= judgement.outcome is Outcome.INFRASTRUCTURE
        if not judgement.accepted:
            return None
        if not self.joint.uses_premise(judgement) or self._mentions(step, script):
            self.without.append(step.name)
            return None
        verdict = judgement.verdict(self.joint.full_target)
        axioms = tuple(a for a in verdict.axioms if a != self.joint.premise_name) if verdict else ()
        return _FoundProof(step.name, script, axioms)


def applies(term: str, premise: str) -> bool:
    """Return whether a suggested term applies the premise, after any leading `fun`."""
    return re.match(rf"exact\s+(?:fun[^=]*=>\s*)?\(?@?{re.escape(premise)}(?![\w'.])", term) is not None
