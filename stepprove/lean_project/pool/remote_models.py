"""What a `RemotePool` and a server's `/pool` say to each other: the arguments and the results of a pool, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stepprove.lean_project.gate.facts import Facts
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.policy import Policy
from stepprove.lean_project.pool.pool import Ending
from stepprove.lean_project.server.models import InfoTree, Text


class _Job(BaseModel):
    # A server must not leave away what it does not know: that could be what makes the gate stricter.
    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(gt=0, allow_inf_nan=False)
    """Seconds, as for a pool; a server gives no more than it allows."""
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
    """SHA-256 of the request's body, so that nobody takes the answer for that to another one."""
    lean: str
    mathlib: str | None


class CheckAnswer(_Answer):
    """What became of one text."""

    outcome: Ending
    answer: dict[str, Any] | None
    """What the REPL said."""
    reason: str | None
    seconds: float = Field(ge=0, allow_inf_nan=False)
    engine: int = Field(ge=0)
    facts: Facts | None = None


class VerifyAnswer(_Answer):
    """The gate's word, or why the original cannot be held against anything."""

    judgement: Judgement | None = None
    broken: str | None = None
