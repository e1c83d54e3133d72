"""The native Lean: elan's toolchain, a Lake project, and the community REPL built for it.

Sources: https://lean-lang.org/doc/reference/latest/Build-Tools-and-Distribution/ (elan, Lake),
https://github.com/leanprover-community/repl (the REPL).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import platformdirs

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.messages import built_by_another_lean, version_of
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import Repl

INSTALL_ELAN = "curl https://elan.lean-lang.org/elan-init.sh -sSf | sh"
"""elan's documented installer, for the user to run; stepprove itself pipes no script into a shell."""
SET_UP = "stepprove setup --native"

MAPPED_MB = 2_000
MAPPED_MB_OF_MATHLIB = 10_000
"""The compiled modules that Lean maps, in 10**6 B with a margin: 0.6 GB for core Lean, 6 GB for Mathlib and its dependencies."""

_START_SECONDS = 120.0
_LAKEFILES = ("lakefile.toml", "lakefile.lean")
_RELEASE = re.compile(r"v\d+\.\d+\.\d+\S*")


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
    """The Lake project around a file or folder: the nearest one upwards."""
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
    """The folder of `stepprove setup --native`: $STEPPROVE_DATA/workspace, or one in the user's data directory."""
    chosen = os.environ.get("STEPPROVE_DATA")
    data = Path(chosen).expanduser().absolute() if chosen else platformdirs.user_data_path("stepprove")
    return data / "workspace"


def workspace_project() -> LakeProject | None:
    """The workspace of `set_up_native`, finished or not; None if there is none."""
    return _project_at(workspace_directory())


def find_tool(name: str) -> Path | None:
    """The program `elan`, `lake` or `lean`, on the PATH or in elan's own folder."""
    program = shutil.which(name) or shutil.which(name, path=str(_elan_home() / "bin"))
    return Path(program) if program else None


def _elan_home() -> Path:
    return Path(os.environ.get("ELAN_HOME") or Path.home() / ".elan")


def mathlib_commit(project: LakeProject) -> str | None:
    """The commit of Mathlib that the project's `lake-manifest.json` pins; None if the project has no Mathlib."""
    try:
        manifest = orjson.loads((project.root / "lake-manifest.json").read_bytes())
        packages = {package["name"]: package.get("rev") for package in manifest["packages"]}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    commit = packages.get("mathlib")
    return commit if isinstance(commit, str) else None


def find_repl(project: LakeProject) -> Path | None:
    """The REPL's program for this project's Lean: $STEPPROVE_REPL, the project's own, or the workspace's.

    Raises:
        NativeMissing: $STEPPROVE_REPL names no program.
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
    """The native engine of a Lake project; its REPL reports the Lean version, so that results name the Lean that ran.

    Raises:
        NativeMissing: a part is missing or does not fit; the message names the command that mends it.
    """
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
    _require_mathlibs_toolchain(project)
    mathlib = mathlib_commit(project)
    engine = Engine(
        kind="native",
        command=(str(lake), "env", str(repl)),
        cwd=project.root,
        lean_version=project.lean_version,
        mathlib=mathlib,
        mapped_mb=MAPPED_MB_OF_MATHLIB if mathlib else MAPPED_MB,
    )
    return replace(engine, lean_version=_reported_version(engine, project))


def _reported_version(engine: Engine, project: LakeProject) -> str:
    """The Lean version that the REPL reports; a REPL of another Lean cannot read the project's modules."""
    mend = "run `lake build repl` where it was built, with the project's toolchain"
    try:
        with Repl(engine, timeout=_START_SECONDS, startup_timeout=_START_SECONDS) as repl:
            answer = repl.command("#eval Lean.versionString")
    except ReplFailure as error:
        why = "it was built by another Lean" if built_by_another_lean(str(error)) else str(error)
        raise NativeMissing(
            f"The REPL {engine.command[-1]} does not answer in {project.root} ({why}): {mend}."
        ) from error
    versions: list[str] = [
        m.data.strip().strip('"') for m in getattr(answer, "messages", ()) if m.severity == "info"
    ]
    if not isinstance(answer, CommandResponse) or len(versions) != 1:
        raise NativeMissing(f"The REPL {engine.command[-1]} did not tell its version but {answer!r}: {mend}.")
    version = versions[0].split(",")[0]
    wanted = project.lean_version
    if _RELEASE.fullmatch("v" + wanted) and version != wanted:
        raise NativeMissing(
            f"The project {project.root} needs Lean {wanted} and the REPL {engine.command[-1]} is of Lean {version}: {mend}."
        )
    return version


def _require_mathlibs_toolchain(project: LakeProject) -> None:
    """Check that the project's Mathlib fits the project's Lean."""
    try:
        theirs = (project.root / ".lake/packages/mathlib/lean-toolchain").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return
    if theirs and theirs.rpartition(":")[2] != project.toolchain.rpartition(":")[2]:
        raise NativeMissing(
            f"The project {project.root} is for {project.toolchain} and its Mathlib for {theirs}: "
            "run `cp .lake/packages/mathlib/lean-toolchain lean-toolchain`, then `lake exe cache get`."
        )


def _require_toolchain(lake: Path, project: LakeProject) -> None:
    """Check that `lake` runs the project's own Lean without a download (elan would fetch a missing one)."""
    if not _RELEASE.fullmatch(project.toolchain.rpartition(":")[2]):
        return  # only elan knows the release of a channel such as `stable`
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
    version = version_of(said) or "unknown"
    if version != project.lean_version:
        raise NativeMissing(
            f"The project {project.root} needs Lean {project.lean_version} and {lake} is of Lean {version}: "
            f"run `{INSTALL_ELAN}`, which finds the right one for each project."
        )
