"""The JSON of the Lean server: Kimina Lean Server's shapes with fields of our own.

Source: project-numina/kimina-lean-server (client 0.2.1), `/api/check` and the older `/verify`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stepprove.lean_project.pool.requests import Text
from stepprove.lean_project.repl.protocol import InfoTreeKind

SHORTEST_SECONDS = 0.5
"""The least time of a text: a time-out costs the server an engine, so clients must not get one for nothing."""


def seconds_allowed(requested: float | None, most: float) -> float:
    """The time limit of a text.

    Args:
        requested: the client's seconds; 0 or None: the most.
        most: the server's limit in seconds.
    """
    return min(max(requested or most, SHORTEST_SECONDS), most)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class Snippet(_Body):
    """One text to check."""

    id: Text = Field(description="Comes back with the result.")
    code: Text = Field(description="Lean 4 source, imports included.")
    original: Text | None = Field(
        default=None,
        description="Ours: what the code must prove. The verdict is then that of `stepprove verify` on the two.",
    )


class _Options(_Body):
    timeout: float = Field(
        30,
        ge=0,
        description="Seconds for each snippet, imports not counted; 0: the server's limit; 0.5 at least.",
    )
    debug: bool = Field(
        default=False, description="Say which engine answered and how long the snippet waited."
    )
    reuse: bool = Field(
        default=True, description="Accepted for compatibility: processes are shared, environments never."
    )
    infotree: InfoTreeKind | None = None
    verdict: bool = Field(default=True, description="Ours: tell what each declaration rests on.")
    priority: int = Field(default=0, ge=-10, le=10, description="Ours: higher ones come first.")


class KiminaCheck(_Options):
    """The body of `/api/check`."""

    snippets: list[Snippet] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if len({s.id for s in self.snippets}) != len(self.snippets):
            raise ValueError("the ids of the snippets must differ")
        return self


class Code(_Body):
    """One text of the older request."""

    custom_id: Text | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    proof: Text | None = None
    code: Text | None = None

    @model_validator(mode="after")
    def _has_text(self) -> Self:
        if self.proof is None and self.code is None:
            raise ValueError(f"{self.custom_id!r} has neither `proof` nor `code`")
        return self


class KiminaVerify(_Body):
    """The body of `/verify`."""

    codes: list[Code] = Field(min_length=1)
    timeout: float = Field(default=300, ge=0)
    infotree_type: InfoTreeKind | None = None
    disable_cache: bool = False


class DeclarationVerdict(_Body):
    """The verdict on one declaration of the text."""

    name: str
    kind: str
    outcome: Literal["proved", "failed", "rejected"] | None
    """None if it is no theorem."""
    reason: str | None = None
    axioms: tuple[str, ...] = ()


class SnippetVerdict(_Body):
    """The trust gate's verdict on a snippet. A snippet without errors need not prove anything."""

    outcome: Literal["proved", "disproved", "failed", "timeout", "rejected", "infrastructure"]
    reason: str | None = None
    declarations: tuple[DeclarationVerdict, ...] = ()
    kernel_advisory: tuple[str, ...] = ()
    """The known bugs of this Lean's kernel, by their names in docs/trust.md."""


class Result(_Body):
    """One snippet's result; it has exactly one of `error` and `response`."""

    id: str
    time: float
    error: str | None = None
    response: dict[str, Any] | None = None
    diagnostics: dict[str, Any] | None = None
    outcome: Literal["answered", "timeout", "crashed", "memory", "ended"]
    """Ours: only "answered" and "ended" (the code ended its own Lean) say anything about the code."""
    verdict: SnippetVerdict | None = None


class CheckReply(_Body):
    """The answer of `/api/check`."""

    results: list[Result]
