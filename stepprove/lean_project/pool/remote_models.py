"""The JSON between a `RemotePool` and a server's `/pool`: the arguments and results of a pool."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stepprove.lean_project.gate.facts import Facts
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.pool.results import Ending
from stepprove.lean_project.server.models import InfoTree, Text


class _Job(BaseModel):
    # A server must not ignore an unknown field, which could make the gate stricter.
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(gt=0, allow_inf_nan=False)
    """Seconds, as for a pool; the server caps it at its own limit."""
    priority: int = Field(default=0, ge=-1000, le=1000)


class CheckJob(_Job):
    """The arguments of `Pool.check`."""

    code: Text
    header: Text | None = None
    all_tactics: bool = False
    infotree: InfoTree | None = None
    facts: bool = False


class _StrictPolicy(Policy):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VerifyJob(_Job):
    """The arguments of `Pool.verify`."""

    original: Text
    candidate: Text
    policy: _StrictPolicy = _StrictPolicy()
    targets: tuple[Text, ...] | None = None
    prelude: Text | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    request: str
    """SHA-256 of the request's body, which ties the answer to its request."""
    lean: str
    mathlib: str | None


class CheckAnswer(_Answer):
    """The result of one text."""

    outcome: Ending
    answer: dict[str, Any] | None
    """The REPL's answer."""
    reason: str | None
    seconds: float = Field(ge=0, allow_inf_nan=False)
    engine: int = Field(ge=0)
    facts: Facts | None = None


class VerifyAnswer(_Answer):
    """The gate's judgement, or the reason why no candidate can be compared with the original."""

    judgement: Judgement | None = None
    broken: str | None = None
