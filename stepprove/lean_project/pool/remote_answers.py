"""Which answers of a Lean server count: those to the request as sent, from the Lean that is known, without contradiction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import TypeVar

from pydantic import ValidationError

from stepprove.lean_project.gate.gate import Judgement, errors_of
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.remote_models import CheckAnswer, VerifyAnswer
from stepprove.lean_project.repl.protocol import (
    CommandResponse,
    ErrorResponse,
    ProofStepResponse,
    read_response,
)
from stepprove.lean_project.server.models import Health
from stepprove.outcome import Outcome

A = TypeVar("A", CheckAnswer, VerifyAnswer)


class UnusableAnswer(Exception):
    """Nothing is known of a job; the message says why."""


def lean_words(about: Health | CheckAnswer | VerifyAnswer) -> str:
    """Which Lean it is, and which Mathlib."""
    return f"Lean {about.lean}" + (f" with Mathlib {about.mathlib}" if about.mathlib else "")


def read_answer(kind: type[A], content: bytes, *, request: bytes, lean: str) -> A:
    """The answer to a request's body, from the Lean that `lean_words` calls so. Raises UnusableAnswer."""
    try:
        told = kind.model_validate_json(content)
    except ValidationError:
        raise UnusableAnswer("its answer cannot be read") from None
    if told.request != hashlib.sha256(request).hexdigest():
        raise UnusableAnswer("it answered another request")
    if lean_words(told) != lean:
        raise UnusableAnswer(f"it answered with {lean_words(told)} in the place of {lean}")
    return told


def response_of(told: CheckAnswer) -> CommandResponse | ErrorResponse | None:
    """What Lean said, None where it gave no answer. Raises UnusableAnswer when it cannot have said that."""
    if (told.outcome == "answered") != (told.answer is not None):
        raise UnusableAnswer(f"it contradicts itself: `{told.outcome}`, with an answer or without")
    if told.answer is None:
        return None
    try:
        response = read_response(told.answer)
    except ValueError:
        raise UnusableAnswer("its answer is none of Lean's") from None
    if isinstance(response, ProofStepResponse):
        raise UnusableAnswer("its answer is one to a tactic")
    return response


def judgement_of(told: VerifyAnswer, policy: Policy, targets: Collection[str] | None) -> Judgement:
    """The gate's word. Raises BrokenOriginal, and UnusableAnswer when no gate can have said that."""
    if told.judgement is None and told.broken is not None:
        raise BrokenOriginal(told.broken)
    if told.judgement is None or told.broken is not None:
        raise UnusableAnswer("it contradicts itself: the original is broken and judged, or neither")
    if (wrong := contradiction(told.judgement, policy, targets)) is not None:
        raise UnusableAnswer(f"it contradicts itself: {wrong}")
    return told.judgement


def contradiction(judgement: Judgement, policy: Policy, targets: Collection[str] | None) -> str | None:
    """Why no gate can have said this, or None: what is proved is so in every part that was asked about, and on allowed axioms."""
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
