"""The kernel advisory: which bugs the kernel of a Lean is known to have, and what StepProve does about each.

The list is data (`kernel_bugs.json`), after Lean's own issues and advisories; docs/trust.md says how it is used.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).parent / "kernel_bugs.json"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-\S+)?")


class KernelBug(BaseModel):
    """One known bug of Lean's kernel, or of what reports its axioms."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    fixed_in: str | None
    """The first release without it; None while it is open."""
    references: tuple[str, ...]
    embedded: str
    """What StepProve does about it in the embedded engine."""
    native: str
    """What it does in a native Lean."""


def kernel_bugs(lean_version: str) -> tuple[KernelBug, ...]:
    """The bugs that are known of the kernel of a Lean, such as "4.28.0"; all of them where the version cannot be read."""
    version = _parsed(lean_version)
    return tuple(
        bug
        for bug in _all()
        if version is None or bug.fixed_in is None or version < (_parsed(bug.fixed_in) or version)
    )


def advisory(
    lean_version: str, kind: Literal["embedded", "native"]
) -> list[dict[str, str | list[str] | None]]:
    """The same as data for a report: each bug with what is done about it in an engine of this kind."""
    return [
        {
            "id": bug.id,
            "title": bug.title,
            "fixed_in": bug.fixed_in,
            "references": list(bug.references),
            "measure": bug.embedded if kind == "embedded" else bug.native,
        }
        for bug in kernel_bugs(lean_version)
    ]


@cache
def _all() -> tuple[KernelBug, ...]:
    return tuple(KernelBug.model_validate(bug) for bug in orjson.loads(_FILE.read_bytes()))


def _parsed(version: str) -> tuple[int, int, int, bool] | None:
    """A version to compare: a release comes after its candidates."""
    found = _VERSION.match(version.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), found[4] is None
