"""Checks on a Lean server's answer: it must answer this request, come from the expected Lean, and not contradict itself."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import TypeVar

from pydantic import ValidationError

from stepprove.lean_project.gate.gate import Judgement, errors_of
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.remote.models import CheckAnswer, Health, VerifyAnswer
from stepprove.lean_project.repl.protocol import (
    CommandResponse,
    ErrorResponse,
    ProofStepResponse,
    read_response,
)
from stepprove.outcome import Outcome

A = TypeVar("A", CheckAnswer, VerifyAnswer)


class UnusableAnswer(Exception):
    """A server gave no usable answer to a job; the message says why."""


def lean_words(about: Health | CheckAnswer | VerifyAnswer) -> str:
    """The versions of a server's Lean and Mathlib, in words."""
    return f"Lean {about.lean}" + (f" with Mathlib {about.mathlib}" if about.mathlib else "")


def read_answer(kind: type[A], content: bytes, *, request: bytes, lean: str) -> A:
    """Read the answer to a request.

    Args:
        kind: the model of the answer.
        content: the answer's body.
        request: the request's body.
        lean: the server's Lean, as `lean_words` names it.

    Raises:
        UnusableAnswer: the answer is unreadable, answers another request, or comes from another Lean.
    """
    try:
        answer = kind.model_validate_json(content)
    except ValidationError:
        raise UnusableAnswer("its answer cannot be read") from None
    if answer.request != hashlib.sha256(request).hexdigest():
        raise UnusableAnswer("it answered another request")
    if lean_words(answer) != lean:
        raise UnusableAnswer(f"it answered with {lean_words(answer)} in the place of {lean}")
    return answer


def response_of(answer: CheckAnswer) -> CommandResponse | ErrorResponse | None:
    """Lean's response in an answer; None if Lean gave none. Raises UnusableAnswer if no Lean can have responded so."""
    if (answer.outcome == "answered") != (answer.answer is not None):
        raise UnusableAnswer(f"it contradicts itself: `{answer.outcome}`, with an answer or without")
    if answer.answer is None:
        return None
    try:
        response = read_response(answer.answer)
    except ValueError:
        raise UnusableAnswer("its answer is none of Lean's") from None
    if isinstance(response, ProofStepResponse):
        raise UnusableAnswer("its answer is one to a tactic")
    return response


def judgement_of(answer: VerifyAnswer, policy: Policy, targets: Collection[str] | None) -> Judgement:
    """The judgement in an answer. Raises BrokenOriginal, and UnusableAnswer if no gate can have judged so."""
    if answer.judgement is None and answer.broken is not None:
        raise BrokenOriginal(answer.broken)
    if answer.judgement is None or answer.broken is not None:
        raise UnusableAnswer("it contradicts itself: the original is broken and judged, or neither")
    if (wrong := contradiction(answer.judgement, policy, targets)) is not None:
        raise UnusableAnswer(f"it contradicts itself: {wrong}")
    return answer.judgement


def contradiction(judgement: Judgement, policy: Policy, targets: Collection[str] | None) -> str | None:
    """Why no gate can have made this judgement, or None: a proved candidate has every target proved, on allowed axioms."""
    proved = [verdict.outcome is Outcome.PROVED for verdict in judgement.verdicts]
    if judgement.outcome is Outcome.DISPROVED:
        return "the gate disproves nothing"
    if judgement.outcome in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE}:
        return f"`{judgement.outcome}`, and verdicts" if proved else None
    if judgement.accepted != (bool(proved) and all(proved)):
        return f"`{judgement.outcome}`, and verdicts that do not say so"
    for verdict in judgement.verdicts:
        if verdict.outcome is Outcome.PROVED and not policy.allowed_axioms.issuperset(verdict.axioms):
            return f"`{verdict.name}` is proved, and on axioms that are not allowed"
    if judgement.accepted:
        if judgement.reason or judgement.culprit or errors_of(judgement.messages):
            return "it is proved, and something is wrong with it"
        if not {verdict.name for verdict in judgement.verdicts}.issuperset(targets or ()):
            return "it is proved, and not all that was asked about has a verdict"
    return None
