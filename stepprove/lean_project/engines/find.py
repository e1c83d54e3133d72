"""Which Lean: the Lake project around the file, stepprove's own native workspace, or the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from stepprove.lean_project.engines.doctor import Finding, diagnose
from stepprove.lean_project.engines.embedded.engine import embedded_engine
from stepprove.lean_project.engines.embedded.install import Progress, ignore_progress
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.errors import LeanNotFound, NativeMissing
from stepprove.lean_project.engines.native.lake import (
    SET_UP,
    native_engine,
    project_around,
    workspace_project,
)
from stepprove.lean_project.engines.native.setup import set_up_native

__all__ = ["Engine", "Finding", "LeanNotFound", "Progress", "diagnose", "find_engine", "set_up_native"]


def find_engine(
    path: Path | None = None,
    *,
    prefer: Literal["auto", "embedded", "native"] = "auto",
    install: bool = True,
    progress: Progress = ignore_progress,
) -> Engine:
    """Choose the Lean for a file or folder (None: for no file in particular).

    `auto` takes the native one where the Lake project around `path`, or stepprove's own workspace, is ready,
    and the embedded one otherwise; `install` lets it install the embedded one, telling `progress`.
    Raises `LeanNotFound` whose message is one sentence that names the command that mends it.
    """
    if prefer == "embedded":
        return embedded_engine(install=install, progress=progress)
    around = project_around(path) if path is not None else None
    missing: NativeMissing | None = None
    for project in (around, workspace_project()):
        if project is None:
            continue
        try:
            return native_engine(project)
        except NativeMissing as error:
            missing = missing or error
    if prefer == "native":
        raise missing or NativeMissing(f"No native Lean is set up: run `{SET_UP}`.")
    return embedded_engine(install=install, progress=progress)
