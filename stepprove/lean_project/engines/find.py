"""The choice of a Lean: the Lake project around the file, stepprove's own native workspace, or the embedded Lean."""

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
    memory_mb: float | None = None,
) -> Engine:
    """Choose the Lean for a file or folder.

    Args:
        path: the file or folder; None: none in particular.
        prefer: `auto` takes the native Lean of the Lake project around `path`, or of stepprove's own workspace, if it is ready,
            and the embedded Lean otherwise.
        install: install the embedded Lean if it is missing.
        progress: receives each step of the installation.
        memory_mb: resident memory that one process of the embedded Lean may use, in 10**6 B; default: $STEPPROVE_ENGINE_MEMORY,
            or 1800.

    Raises:
        LeanNotFound: no Lean is ready; the message is one sentence that names the command that mends it.
    """
    if prefer == "embedded":
        return embedded_engine(install=install, progress=progress, memory_mb=memory_mb)
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
    return embedded_engine(install=install, progress=progress, memory_mb=memory_mb)
