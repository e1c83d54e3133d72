"""The command that starts the embedded Lean, inside its walls."""

from __future__ import annotations

from pathlib import Path

from stepprove.lean_project.engines.embedded import install as installer
from stepprove.lean_project.engines.embedded.node import node_binary
from stepprove.lean_project.engines.embedded.sandbox import sandbox
from stepprove.lean_project.engines.engine import EMBEDDED_MEMORY_LIMIT_MB, Engine
from stepprove.lean_project.engines.errors import EngineUnfit

_HERE = Path(__file__).resolve().parent
_LAUNCHER = _HERE / "launch.cjs"


def embedded_engine(
    *, install: bool = True, progress: installer.Progress = installer.ignore_progress
) -> Engine:
    """The embedded engine.

    Args:
        install: install it, or mend a damaged copy, first.
        progress: receives each step of the installation.

    Raises:
        LeanNotFound: Node is missing, the installation fails, or there is none and `install` is False.
    """
    node = node_binary()
    copy = installer.installation()
    if install:
        copy = installer.install(progress)
    elif found := installer.faults(copy):
        raise EngineUnfit(f"The embedded Lean is not ready ({found[0]}): run `stepprove setup --embedded`.")
    folder = copy.folder.resolve()
    walls = sandbox()
    return Engine(
        kind="embedded",
        command=(
            *(walls.prefix if walls else ()),
            str(node.resolve()),
            *permissions(folder),
            str(_LAUNCHER),
        ),
        cwd=None,
        lean_version=installer.LEAN_VERSION,
        environment={
            "STEPPROVE_LEAN_ROOT": str(folder / copy.root.relative_to(copy.folder)),
            "STEPPROVE_LEAN_RUNTIME": str(folder / copy.runtime.relative_to(copy.folder)),
            "NODE_OPTIONS": "",
        },
        ready_line=True,
        tokens=True,
        supports_inspect=True,
        memory_limit_mb=EMBEDDED_MEMORY_LIMIT_MB,
    )


def permissions(folder: Path) -> tuple[str, ...]:
    """Node's options for an engine in `folder`: it may read that folder and our own scripts alone.

    It cannot turn text into JavaScript, write a file, or start a process or an addon.
    """
    return (
        "--permission",
        f"--allow-fs-read={folder}",
        f"--allow-fs-read={_HERE}",
        "--allow-worker",  # threads, with the same permissions
        "--disallow-code-generation-from-strings",
        "--disable-warning=SecurityWarning",
    )
