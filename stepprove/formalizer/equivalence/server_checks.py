"""`Checks` on a Lean server with Kimina Lean Server's JSON: ours, or one that distributes to many machines.

A server keeps no state between requests, so each request has the whole text. As in the published programs, Lean's messages
decide: no error, and a suggestion of `exact?` that applies the premise. Unlike the trust gate's facts, messages could be
forged; texts that run programs are refused before they are sent, and the result is training data, not a proof.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
from pydantic import ValidationError

from stepprove.formalizer.candidate import Candidate, code_in, parse_candidate
from stepprove.formalizer.checks import NoLean
from stepprove.formalizer.equivalence.closers import CORE, MATHLIB
from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict, applies, gave_up, suggestion
from stepprove.formalizer.equivalence.joint_context import CannotJoin, JointText, join_texts
from stepprove.formalizer.equivalence.methods import Method, MethodStep, steps
from stepprove.formalizer.equivalence.scoring import Scored, ScoreOutcome
from stepprove.formalizer.majority import words_of
from stepprove.formalizer.statement import Statement
from stepprove.formalizer.vacuity import Vacuity, vacuity
from stepprove.lean_project.gate.gate import errors_of
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.source.lexer import tokenize

_TRIES = 5
_BUSY = (429, 502, 503, 504)
_OUTCOMES: dict[EquivalenceVerdict, ScoreOutcome] = {
    EquivalenceVerdict.EQUIVALENT: "equivalent",
    EquivalenceVerdict.NOT_SHOWN: "not shown",
    EquivalenceVerdict.UNKNOWN: "unknown",
}


class ServerChecks:
    """A Lean server, for texts under one header.

    Args:
        url: of the server, without the path.
        header: the text before every statement.
        timeout: seconds for each text.
        key: of the server, if it needs one.
    """

    def __init__(self, url: str, header: str = "", *, timeout: float = 60.0, key: str | None = None) -> None:
        self._url = url.rstrip("/") + "/api/check"
        self._header, self._timeout = header.strip(), timeout
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def read(self, code: str, header: str, name: str | None) -> tuple[Candidate | str, Vacuity]:
        """As `Checks.read`."""
        return await asyncio.to_thread(self._read, code, header, name, vacuous=True)

    async def same(self, a: Statement, b: Statement, method: Method) -> EquivalenceVerdict:
        """As `Checks.same`, by the steps of BEq alone: the messages of a server show only the term that `exact?` finds."""
        return await asyncio.to_thread(self._same, a, b)

    async def score(self, answer: str, truth: Statement, header: str, method: Method) -> Scored:
        """As `Checks.score`."""
        return await asyncio.to_thread(self._score, answer, truth, header)

    def _score(self, answer: str, truth: Statement, header: str) -> Scored:
        code = code_in(answer)
        if code is None:
            return Scored(outcome="refused", reason="There is no Lean code in the answer.")
        try:
            candidate, _ = self._read(code, header, None, vacuous=False)
            if isinstance(candidate, str):
                return Scored(outcome="refused", reason=candidate)
            same = words_of(candidate.statement) == words_of(truth)
            verdict = EquivalenceVerdict.EQUIVALENT if same else self._same(candidate.statement, truth)
        except _Late as late:
            return Scored(outcome="unknown", reason=str(late))
        return Scored(outcome=_OUTCOMES[verdict], statement=candidate.text)

    def _read(
        self, code: str, header: str, name: str | None, *, vacuous: bool
    ) -> tuple[Candidate | str, Vacuity]:
        parsed = parse_candidate(code, header, name)
        if isinstance(parsed, str):
            return parsed, Vacuity()
        candidate = parsed.read(self._ask(parsed.text))
        if isinstance(candidate, str) or not vacuous:
            return candidate, Vacuity()
        return candidate, vacuity(self._trial, candidate.text, candidate.name, candidate.goal)

    def _trial(self, original: str, candidate: str, target: str) -> bool | None:
        try:
            return self._proved(candidate) is not None
        except _Late:
            return None

    def _same(self, a: Statement, b: Statement) -> EquivalenceVerdict:
        verdicts = []
        for premise, target, sides in ((a, b, ("A", "B")), (b, a, ("B", "A"))):
            try:
                verdicts.append(self._follows(premise, target, sides))
            except CannotJoin:
                verdicts.append(EquivalenceVerdict.NOT_SHOWN)
            except _Late:
                verdicts.append(EquivalenceVerdict.UNKNOWN)
            if verdicts[-1] is EquivalenceVerdict.NOT_SHOWN:
                return EquivalenceVerdict.NOT_SHOWN
        return (
            EquivalenceVerdict.UNKNOWN
            if EquivalenceVerdict.UNKNOWN in verdicts
            else EquivalenceVerdict.EQUIVALENT
        )

    def _follows(self, premise: Statement, target: Statement, sides: tuple[str, str]) -> EquivalenceVerdict:
        joint = join_texts(premise, target, sides)
        stated = self._ask(joint.text("sorry"))
        if errors := errors_of(stated.messages):
            if gave_up(errors):
                raise _Late("time ran out")
            raise CannotJoin("they cannot stand in one text")
        if not stated.sorries:
            return EquivalenceVerdict.NOT_SHOWN
        closers = MATHLIB if "Mathlib" in self._header else CORE
        goal = stated.sorries[-1].goal
        late = False
        for step in steps("beq", closers, joint.premise_name, premise.conclusion, goal):
            try:
                answer = self._proved(joint.text(step.script, unlimited=step.searches))
                if answer is not None and self._forbidden(joint, step):
                    continue
            except _Late:
                late = True
                continue
            if answer is None:
                continue
            term = suggestion(answer.messages) if step.searches else step.script
            if term is not None and applies(term, joint.premise_name):
                return EquivalenceVerdict.EQUIVALENT
        return EquivalenceVerdict.UNKNOWN if late else EquivalenceVerdict.NOT_SHOWN

    def _forbidden(self, joint: JointText, step: MethodStep) -> bool:
        """Return whether the target is provable without the premise, so that the step does not count; raise _Late."""
        if step.literal is not None and self._proved(joint.text(step.literal)) is not None:
            return False
        return step.unless is not None and self._proved(joint.text(step.unless)) is not None

    def _proved(self, text: str) -> CommandResponse | None:
        """Return the answer to a text that holds without a `sorry` of its proofs; None otherwise. Raises _Late."""
        answer = self._ask(text)
        errors = errors_of(answer.messages)
        if gave_up(errors):
            raise _Late("time ran out")
        owned = sum(token.text == "sorry" for token in tokenize(text))
        return answer if not errors and len(answer.sorries) == owned else None

    def _ask(self, text: str) -> CommandResponse:
        """Return Lean's answer to a text after the header; raise _Late or NoLean."""
        code = f"{self._header}\n\n{text}" if self._header else text
        body = {"snippets": [{"id": "0", "code": code}], "timeout": self._timeout}
        pause = 1.0
        for attempt in range(_TRIES):
            try:
                reply = httpx2.post(
                    self._url, json=body, headers=self._headers, timeout=10 * self._timeout + 60
                )
            except httpx2.HTTPError as wrong:
                problem = f"the Lean server cannot be reached ({wrong})"
            else:
                if reply.status_code == 200:
                    return _answer(reply)
                problem = f"the Lean server answered {reply.status_code}"
                if reply.status_code not in _BUSY:
                    raise NoLean(problem)
            if attempt + 1 < _TRIES:
                time.sleep(pause)
                pause *= 2
        raise NoLean(problem)


class _Late(NoLean):
    """Time or memory ran out, or Lean died."""


def _answer(reply: Any) -> CommandResponse:
    try:
        (result,) = reply.json()["results"]
        if result.get("response") is None:
            raise _Late(str(result.get("error") or "no answer"))
        if "message" in result["response"]:  # the REPL's own failure, as of a process that died
            raise _Late(str(result["response"]["message"]))
        return CommandResponse.model_validate({"env": 0, **result["response"]})
    except (ValueError, KeyError, TypeError, ValidationError) as wrong:
        raise NoLean(f"what the Lean server answered cannot be read ({type(wrong).__name__})") from None
