"""The JSON with which a server's `/pool` answers the requests of `requests.py`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.gate.inspection.facts import Facts
from stepprove.lean_project.pool.results import Ending


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


class Health(BaseModel):
    """A server's Lean and its load."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ok"] = "ok"
    lean: str
    engine: str
    mathlib: str | None
    engines: int
    running: int
    waiting: int
    memory_mb: float
