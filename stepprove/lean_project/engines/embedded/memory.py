"""How much memory an embedded Lean may have.

WebAssembly addresses 4 GiB at most, and a process takes memory beside: Node's own, the compiled code, threads. What is limited is
the process's resident memory; the module may grow somewhat further, since not all of what it reserves is resident.
"""

from __future__ import annotations

import os

from stepprove.lean_project.engines.engine import EMBEDDED_MEMORY_LIMIT_MB
from stepprove.lean_project.engines.errors import EngineUnfit

VARIABLE = "STEPPROVE_ENGINE_MEMORY"
"""The environment variable with the limit, in 10**6 B, where no caller sets one."""
LEAST_MB, MOST_MB = 800.0, 4500.0
"""Less does not hold Lean's library; more cannot be used."""

_PAGE = 65_536
_MOST_PAGES = 65_535
_GROWTH = 2**31 / (EMBEDDED_MEMORY_LIMIT_MB * 1e6)
"""Bytes that the module may grow to for each byte of the limit: 2 GiB for the usual one."""


def memory_limit_mb(chosen: float | None = None) -> float:
    """The limit of one process, in 10**6 B: the caller's, the environment's, or the usual one.

    Raises:
        EngineUnfit: it is no number between `LEAST_MB` and `MOST_MB`.
    """
    words = os.environ.get(VARIABLE) if chosen is None else str(chosen)
    if not words:
        return EMBEDDED_MEMORY_LIMIT_MB
    try:
        limit = float(words)
    except ValueError:
        limit = 0.0
    if not LEAST_MB <= limit <= MOST_MB:
        raise EngineUnfit(
            f"The embedded Lean's memory must be between {LEAST_MB:g} and {MOST_MB:g} MB, not {words}: "
            f"set --engine-memory or {VARIABLE}."
        )
    return limit


def pages(limit_mb: float) -> int:
    """The most pages of 64 KiB that the module of a process with this limit may have."""
    return min(_MOST_PAGES, int(limit_mb * 1e6 * _GROWTH / _PAGE))
