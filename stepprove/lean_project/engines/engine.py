"""A Lean that StepProve can start, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

EMBEDDED_MEMORY_LIMIT_MB = 1800.0
"""Resident memory in 10**6 B; the embedded engine addresses 2 GB in all."""
NATIVE_MEMORY_LIMIT_MB = 12_000.0
"""Resident memory in 10**6 B; Mathlib's modules, mapped from disk, count too."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to start a REPL process; every result names the engine, its Lean and its Mathlib.

    Other modules ask for an ability (`mathlib`, `memory_limit_mb`, `supports_inspect`). `kind` is a word for people; no decision
    rests on it.
    """

    kind: Literal["embedded", "native"]
    command: tuple[str, ...]
    """Starts one process that speaks the REPL's protocol on standard input and output."""
    cwd: Path | None
    """The Lake project where the process must start; None: it starts anywhere and has Lean's own modules alone."""
    lean_version: str
    """Such as 4.28.0, or 4.28.0-pre (38f3c0c45b8d)."""
    mathlib: str | None = None
    """Mathlib's commit; None: the engine has no Mathlib."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to this process's own."""
    mapped_mb: float | None = None
    """The most that it maps of compiled modules, in 10**6 B; a limit on its allocations adds this. None: no such limit, since
    WebAssembly reserves 6 GB and uses only what it needs."""
    ready_line: bool = False
    """It prints {"ready": true} before its first answer."""
    tokens: bool = False
    """Its answers carry the token of their request and the number of programs that its interpreter has run."""
    supports_inspect: bool = False
    """It answers our own requests beside the community REPL's: `inspect`, `export`, `audit`, `negate`, `forget`."""
    memory_limit_mb: float = NATIVE_MEMORY_LIMIT_MB
    """Resident memory, in 10**6 B, that one process may use unless the caller sets another limit."""
