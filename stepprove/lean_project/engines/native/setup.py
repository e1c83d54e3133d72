"""Build the native Lean: a Lake project in the user's data directory, with every package pinned to one commit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
from filelock import FileLock

from stepprove.files.private_folder import private_folder
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.engines.native.lake import (
    INSTALL_ELAN,
    SET_UP,
    find_tool,
    native_engine,
    workspace_directory,
    workspace_project,
)

MATHLIB_BYTES = 9_000_000_000
"""Disk space, in bytes, for Mathlib's sources, its compiled modules (5.9 GB), their archives, and a toolchain."""
TOOLCHAIN_BYTES = 2_000_000_000

_SHIPPED = Path(__file__).parent / "workspace"


def ignore_line(line: str) -> None:
    """Show nothing."""


def set_up_native(*, mathlib: bool, say: Callable[[str], None] = ignore_line) -> Engine:
    """Build stepprove's own Lake project: the pinned toolchain, the REPL, and optionally Mathlib.

    Lake reads the commits of all packages from a manifest that this function writes, so it resolves nothing anew. After a failure
    or an interruption another call continues the build.

    Args:
        mathlib: build with Mathlib.
        say: receives each line that elan and Lake print; `setup.log` beside the lakefile has all of them.

    Raises:
        NativeMissing: elan is missing (the message names its installer), or a step fails.
    """
    lake = find_tool("lake")
    if lake is None:
        raise NativeMissing(
            f"Lean's version manager elan is not installed: run `{INSTALL_ELAN}`, then `{SET_UP}`."
        )
    workspace = workspace_directory()
    try:
        private_folder(workspace)
        _require_space(workspace, mathlib=mathlib)
        with FileLock(workspace / "setup.lock"):
            _write_workspace(workspace, mathlib=mathlib)
            _build(lake, workspace, mathlib=mathlib, say=say)
    except OSError as error:
        raise NativeMissing(
            f"The workspace {workspace} cannot be set up ({error.strerror or error}): set STEPPROVE_DATA to "
            f"a folder that you can write and run `{SET_UP}`."
        ) from error
    project = workspace_project()
    if project is None:
        raise NativeMissing(
            f"The workspace {workspace} was removed while it was built: run `{SET_UP}` again."
        )
    return native_engine(project)


def _require_space(workspace: Path, *, mathlib: bool) -> None:
    free, needed = shutil.disk_usage(workspace).free, MATHLIB_BYTES if mathlib else TOOLCHAIN_BYTES
    built = (
        workspace / ".lake/packages/mathlib/.lake/build"
        if mathlib
        else workspace / ".lake/packages/REPL/.lake/build"
    )
    if free < needed and not built.exists():
        raise NativeMissing(
            f"The disk of {workspace} has {free / 1e9:.1f} GB free and {needed / 1e9:.0f} GB are needed: run "
            f"`export STEPPROVE_DATA=FOLDER` with a folder on a bigger disk, then `{SET_UP}`."
        )


def _write_workspace(workspace: Path, *, mathlib: bool) -> None:
    lakefile = (_SHIPPED / "lakefile.toml").read_text()
    if mathlib:
        lakefile += (_SHIPPED / "mathlib.toml").read_text()
    manifest = orjson.loads((_SHIPPED / "lake-manifest.json").read_bytes())
    if not mathlib:
        manifest["packages"] = [package for package in manifest["packages"] if package["name"] == "REPL"]
    (workspace / "lakefile.toml").write_text(lakefile)
    (workspace / "lake-manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    shutil.copyfile(_SHIPPED / "lean-toolchain", workspace / "lean-toolchain")


def _build(lake: Path, workspace: Path, *, mathlib: bool, say: Callable[[str], None]) -> None:
    steps = [("exe", "cache", "get"), ("build", "repl")]
    with (workspace / "setup.log").open("w") as log:
        for step in steps if mathlib else steps[1:]:
            name = " ".join(("lake", *step))
            log.write(f"$ {name}\n")
            last = ""
            process = subprocess.Popen(
                [str(lake), *step],
                cwd=workspace,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            try:
                for line in process.stdout or ():
                    log.write(line)
                    last = line.strip() or last
                    say(line.rstrip("\n"))
                status = process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if status != 0:
                raise NativeMissing(
                    f"`{name}` failed ({last.rstrip('.') or f'exit status {status}'}): read {log.name}, "
                    f"then run `{SET_UP}` again."
                )
