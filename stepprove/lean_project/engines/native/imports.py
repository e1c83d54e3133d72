"""A check that the imports of a file in a Lake project are compiled, since Lean reads compiled modules alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.engines.native.lake import find_tool

__all__ = ["require_imports"]

_SOURCES = ("", "src")
"""The folders where packages keep their modules, relative to the lakefile."""

_STALE = 3
"""The exit status of `lake build --no-build` if a module is out of date."""

_LAKE_SECONDS = 300.0


def require_imports(root: Path, imports: Iterable[str]) -> None:
    """Check that Lean can read the imports of a file in the Lake project `root`, without building anything.

    A module of the project must be compiled from its present source; a module of a package must be compiled. Lean itself reports
    a module that does not exist.

    Raises:
        NativeMissing: a module is not compiled; the message names the command that compiles it.
    """
    own: list[str] = []
    for module in imports:
        package = _package_of(root, module)
        if package == root:
            own.append(module)
        elif package is not None and not _compiled(package, module):
            mend = "lake exe cache get" if package.name == "mathlib" else f"lake build {module}"
            raise NativeMissing(
                f"{module} of the package {package.name} is not compiled in the project {root}: run `{mend}` there."
            )
    if own:
        _require_up_to_date(root, own)


def _package_of(root: Path, module: str) -> Path | None:
    """The folder of the package that has the module's source."""
    source = Path(*module.split(".")).with_suffix(".lean")
    packages = root / ".lake" / "packages"
    others = sorted(packages.iterdir()) if packages.is_dir() else []
    for package in (root, *others):
        if any((package / folder / source).is_file() for folder in _SOURCES):
            return package
    return None


def _compiled(package: Path, module: str) -> bool:
    compiled = Path(*module.split(".")).with_suffix(".olean")
    build = package / ".lake" / "build" / "lib"
    return (build / "lean" / compiled).is_file() or (
        build / compiled
    ).is_file()  # before Lean 4.19 without `lean`


def _require_up_to_date(root: Path, modules: list[str]) -> None:
    lake = find_tool("lake")
    if lake is None:
        return
    mend = f"run `lake build {' '.join(modules)}` there"
    try:
        ended = subprocess.run(
            [str(lake), "build", "--no-build", *modules],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LAKE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NativeMissing(
            f"`lake build --no-build` did not end in {root} within {_LAKE_SECONDS:g} s: {mend}."
        ) from None
    if ended.returncode == _STALE:
        raise NativeMissing(
            f"The file imports {' and '.join(modules)} of the project {root}, not compiled as the source is now: {mend}."
        )
    if ended.returncode != 0:
        output = (ended.stdout + ended.stderr).strip().splitlines()
        raise NativeMissing(
            f"Lake cannot say whether {modules[0]} is compiled ({output[-1] if output else 'no reason'}): {mend}."
        )
