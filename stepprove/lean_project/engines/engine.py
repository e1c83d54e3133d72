"""A Lean that can be started: what every other part needs to know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to start a REPL process; every result names the engine, its Lean and its Mathlib."""

    kind: Literal["embedded", "native"]
    command: tuple[str, ...]
    """Starts one process that speaks the REPL's protocol on standard input and output."""
    cwd: Path | None
    """Where it must be started; None: anywhere."""
    lean_version: str
    """Such as 4.28.0."""
    mathlib: str | None = None
    """Mathlib's commit; None where there is no Mathlib."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to those of this process."""
    mapped_mb: float | None = None
    """What it maps of compiled modules at most (10**6 B), so that a limit can be set on what it allocates besides; None where
    that says nothing: WebAssembly reserves 6 GB and uses what it needs."""
    ready_line: bool = False
    """It says {"ready": true} before its first answer."""
    tokens: bool = False
    """Its answers carry the token of their request, and how much code its interpreter has run."""
