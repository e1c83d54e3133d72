"""The native Lean: elan's toolchain, a Lake project, and the community REPL built for it.

Sources: https://lean-lang.org/doc/reference/latest/Build-Tools-and-Distribution/ (elan, Lake),
https://github.com/leanprover-community/repl (the REPL).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import platformdirs
from filelock import FileLock

from stepprove.lean_project.engine import Engine
from stepprove.lean_project.missing import NativeMissing

INSTALL_ELAN = "curl https://elan.lean-lang.org/elan-init.sh -sSf | sh"
"""elan's documented installer, for the user to run: stepprove pipes no script into a shell by itself."""
SET_UP = "stepprove setup --native"

_SHIPPED = Path(__file__).parent / "workspace"
_LAKEFILES = ("lakefile.toml", "lakefile.lean")
_RELEASE = re.compile(r"v\d+\.\d+\.\d+\S*")
_SAID_VERSION = re.compile(r"Lean version ([^\s,)]+)")


@dataclass(frozen=True, slots=True)
class LakeProject:
    """A folder with a lakefile and a `lean-toolchain`."""

    root: Path
    toolchain: str
    """As the file names it, such as leanprover/lean4:v4.28.0."""

    @property
    def lean_version(self) -> str:
        """The toolchain's release, such as 4.28.0, or its channel, such as stable."""
        release = self.toolchain.rpartition(":")[2]
        return release[1:] if _RELEASE.fullmatch(release) else release


def project_around(path: Path) -> LakeProject | None:
    """The Lake project that the file or folder lies in: the nearest folder upwards that is one."""
    start = path.absolute()
    for folder in (start, *start.parents):
        project = _project_at(folder)
        if project is not None:
            return project
    return None


def _project_at(folder: Path) -> LakeProject | None:
    if not any((folder / name).is_file() for name in _LAKEFILES):
        return None
    try:
        toolchain = (folder / "lean-toolchain").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return LakeProject(folder, toolchain) if toolchain else None


def workspace_directory() -> Path:
    """Where `stepprove setup --native` builds: $STEPPROVE_DATA/workspace, or in the user's data directory."""
    chosen = os.environ.get("STEPPROVE_DATA")
    data = Path(chosen).expanduser().absolute() if chosen else platformdirs.user_data_path("stepprove")
    return data / "workspace"


def workspace_project() -> LakeProject | None:
    """The workspace that `set_up_native` has written, finished or not; None when there is none."""
    return _project_at(workspace_directory())


def find_tool(name: str) -> Path | None:
    """The program `elan`, `lake` or `lean` on the PATH, or where elan puts it."""
    found = shutil.which(name) or shutil.which(name, path=str(_elan_home() / "bin"))
    return Path(found) if found else None


def _elan_home() -> Path:
    return Path(os.environ.get("ELAN_HOME") or Path.home() / ".elan")


def mathlib_commit(project: LakeProject) -> str | None:
    """The commit of Mathlib that the project's `lake-manifest.json` pins; None when it has no Mathlib."""
    try:
        manifest = orjson.loads((project.root / "lake-manifest.json").read_bytes())
        packages = {package["name"]: package.get("rev") for package in manifest["packages"]}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    commit = packages.get("mathlib")
    return commit if isinstance(commit, str) else None


def find_repl(project: LakeProject) -> Path | None:
    """The REPL's program for this project's Lean: $STEPPROVE_REPL, the project's own, or the workspace's.

    Raises `NativeMissing` when $STEPPROVE_REPL names no program.
    """
    chosen = os.environ.get("STEPPROVE_REPL")
    if chosen:
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise NativeMissing(
                f"STEPPROVE_REPL names {chosen}, which is no program: run `unset STEPPROVE_REPL`."
            )
        return Path(chosen).absolute()
    homes = [project.root]
    workspace = workspace_project()
    if workspace is not None and workspace.lean_version == project.lean_version:
        homes.append(workspace.root)
    for home in homes:
        packages = home / ".lake" / "packages"
        for folder in (packages / "REPL", packages / "repl", home):
            program = folder / ".lake" / "build" / "bin" / "repl"
            if os.access(program, os.X_OK):
                return program
    return None


def native_engine(project: LakeProject) -> Engine:
    """The native engine of a Lake project. Raises `NativeMissing`: what is missing and what mends it."""
    lake = find_tool("lake")
    if lake is None:
        raise NativeMissing(
            f"Lean's build tool `lake` is not installed: run `{INSTALL_ELAN}`, then `{SET_UP}`."
        )
    _require_toolchain(lake, project)
    repl = find_repl(project)
    if repl is None:
        raise NativeMissing(
            f"No REPL is built for Lean {project.lean_version} of the project {project.root}: run `{SET_UP}` "
            "or add leanprover-community/repl to the project and run `lake build repl`."
        )
    return Engine(
        kind="native",
        command=(str(lake), "env", str(repl)),
        cwd=project.root,
        lean_version=project.lean_version,
        mathlib=mathlib_commit(project),
    )


def _require_toolchain(lake: Path, project: LakeProject) -> None:
    """Check that `lake` runs the project's own Lean, and at once (elan would first fetch a missing one)."""
    if not _RELEASE.fullmatch(project.toolchain.rpartition(":")[2]):
        return  # a channel such as `stable`: only elan knows which release that is
    if find_tool("elan") is not None:
        name = project.toolchain if ":" in project.toolchain else f"leanprover/lean4:{project.toolchain}"
        folder = _elan_home() / "toolchains" / name.replace("/", "--").replace(":", "---")
        if not folder.exists():
            raise NativeMissing(
                f"The project {project.root} needs Lean {project.lean_version}, which is not installed: "
                f"run `elan toolchain install {name}`."
            )
        return
    said = subprocess.run([str(lake), "--version"], capture_output=True, text=True, check=False).stdout
    version = match[1] if (match := _SAID_VERSION.search(said)) else "unknown"
    if version != project.lean_version:
        raise NativeMissing(
            f"The project {project.root} needs Lean {project.lean_version} and {lake} is of Lean {version}: "
            f"run `{INSTALL_ELAN}`, which finds the right one for each project."
        )


def ignore_line(line: str) -> None:
    """Show nothing."""


def set_up_native(*, mathlib: bool, say: Callable[[str], None] = ignore_line) -> Engine:
    """Build stepprove's own Lake project: the pinned toolchain, the REPL, and Mathlib if asked for.

    `say` is told each line that elan and Lake print; all of it is also in `setup.log` beside the lakefile.
    May be called again after a failure or an interruption: Lake goes on where it was.
    Raises `NativeMissing` when elan is missing (naming its installer, which is not run) or a step fails.
    """
    lake = find_tool("lake")
    if lake is None:
        raise NativeMissing(
            f"Lean's version manager elan is not installed: run `{INSTALL_ELAN}`, then `{SET_UP}`."
        )
    workspace = workspace_directory()
    try:
        workspace.mkdir(parents=True, exist_ok=True)
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


def _write_workspace(workspace: Path, *, mathlib: bool) -> None:
    lakefile = (_SHIPPED / "lakefile.toml").read_text()
    if mathlib:
        lakefile += (_SHIPPED / "mathlib.toml").read_text()
    (workspace / "lakefile.toml").write_text(lakefile)
    shutil.copyfile(_SHIPPED / "lean-toolchain", workspace / "lean-toolchain")


def _build(lake: Path, workspace: Path, *, mathlib: bool, say: Callable[[str], None]) -> None:
    steps = [("update",), ("exe", "cache", "get"), ("build", "repl")]
    with (workspace / "setup.log").open("w") as log:
        for step in steps if mathlib else (steps[0], steps[2]):
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
