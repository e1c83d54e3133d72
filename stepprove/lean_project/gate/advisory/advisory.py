"""The kernel advisory: the known bugs of a Lean's kernel, and StepProve's measure against each.

The list is data (`kernel_bugs.json`). docs/trust.md says how the gate uses it.

Source: Lean's own issues and advisories.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.engines.engine import Engine

_FILE = Path(__file__).parent / "kernel_bugs.json"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-\S+)?")


class KernelBug(BaseModel):
    """One known bug of Lean's kernel, or of the code that reports its axioms."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    fixed_in: str | None
    """The first release without it; None while it is open."""
    references: tuple[str, ...]
    embedded: str
    """StepProve's measure in the embedded engine."""
    native: str
    """StepProve's measure in a native Lean."""


def kernel_bugs(lean_version: str) -> tuple[KernelBug, ...]:
    """The known bugs of a Lean's kernel; all of them if the version (such as "4.28.0") is unreadable."""
    version = _parsed(lean_version)
    return tuple(
        bug
        for bug in _all()
        if version is None or bug.fixed_in is None or version < (_parsed(bug.fixed_in) or version)
    )


def advisory(engine: Engine) -> list[dict[str, str | list[str] | None]]:
    """The known bugs of an engine's kernel as data for a report, each with StepProve's measure in such an engine."""
    return [
        {
            "id": bug.id,
            "title": bug.title,
            "fixed_in": bug.fixed_in,
            "references": list(bug.references),
            "measure": bug.embedded if engine.supports_inspect else bug.native,
        }
        for bug in kernel_bugs(engine.lean_version)
    ]


@cache
def _all() -> tuple[KernelBug, ...]:
    return tuple(KernelBug.model_validate(bug) for bug in orjson.loads(_FILE.read_bytes()))


def _parsed(version: str) -> tuple[int, int, int, bool] | None:
    """A version as a key for comparison: a release comes after its candidates."""
    match = _VERSION.match(version.strip())
    if match is None:
        return None
    return int(match[1]), int(match[2]), int(match[3]), match[4] is None
