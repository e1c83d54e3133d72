"""The command that starts the embedded Lean."""

from __future__ import annotations

from pathlib import Path

from stepprove.lean_project.embedded import install as installer
from stepprove.lean_project.embedded.node import node_binary
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.missing import EngineUnfit

_LAUNCHER = Path(__file__).parent / "launch.cjs"


def embedded_engine(
    *, install: bool = True, progress: installer.Progress = installer.ignore_progress
) -> Engine:
    """The embedded engine, installed or mended first if `install`.

    Raises `LeanNotFound` when Node is missing, the installation fails, or there is none and `install` is off.
    """
    node = node_binary()
    copy = installer.installation()
    if install:
        copy = installer.install(progress)
    elif found := installer.faults(copy):
        raise EngineUnfit(f"The embedded Lean is not ready ({found[0]}): run `stepprove setup --embedded`.")
    return Engine(
        kind="embedded",
        command=(str(node), str(_LAUNCHER)),
        cwd=None,
        lean_version=installer.LEAN_VERSION,
        environment={"STEPPROVE_LEAN_ROOT": str(copy.root), "STEPPROVE_LEAN_RUNTIME": str(copy.runtime)},
        ready_line=True,
    )
