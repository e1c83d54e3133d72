"""A Lean project on disk: the folders that hold its modules' sources, its own and its packages'."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stepprove.lean_project.modules.header import read_module_header
from stepprove.lean_project.modules.lakefile import (
    LAKEFILES,
    BadLakefile,
    Lakefile,
    OptionValue,
    read_lakefile,
)

__all__ = ["CORE_MODULES", "Project", "SourceRoot", "is_core", "project_of", "source_path"]

CORE_MODULES = ("Init", "Std", "Lean", "Lake")
"""The first parts of the names of the modules that come with the embedded Lean."""
_MANIFEST = "lake-manifest.json"
_PACKAGES = Path(".lake", "packages")


@dataclass(frozen=True, slots=True)
class SourceRoot:
    """A folder below which the module A.B is the file A/B.lean."""

    folder: Path
    package: str
    own: bool
    """Whether it belongs to the project itself, and not to a package that the project requires."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """Lean's options for its modules."""
    library: str | None = None
    """The library whose modules it holds: those of that name and below it are looked up here first."""


@dataclass(frozen=True, slots=True)
class Project:
    """The sources around a file or folder."""

    root: Path
    roots: tuple[SourceRoot, ...]
    """The project's own first, then its packages'."""
    toolchain: str | None = None
    """What `lean-toolchain` names, such as leanprover/lean4:v4.28.0."""
    unread: tuple[str, ...] = ()
    """What could not be read of lakefiles and manifest, a sentence each."""

    def find(self, module: str) -> tuple[Path, SourceRoot] | None:
        """The source of a module and the root that holds it; None if the project has no such module."""
        head = module.split(".", 1)[0]
        first = sorted(self.roots, key=lambda root: (not root.own, root.library != head))
        for root in first:
            path = source_path(root.folder, module)
            if path is not None and path.is_file():
                return path, root
        return None

    def module_of(self, path: Path) -> str | None:
        """The name of the module whose source a file is; None if the file is below none of the project's own roots."""
        at = path.absolute()
        for root in sorted((r for r in self.roots if r.own), key=lambda r: -len(r.folder.parts)):
            if at.is_relative_to(root.folder) and at.suffix == ".lean":
                return ".".join(at.relative_to(root.folder).with_suffix("").parts)
        return None

    def modules(self) -> Iterator[str]:
        """The names of the project's own modules: those of its libraries, or, without a lakefile, all below its root."""
        for root in self.roots:
            if not root.own:
                continue
            if root.library is None:
                yield from _below(root.folder, root.folder)
                continue
            top = source_path(root.folder, root.library)
            if top is not None and top.is_file():
                yield root.library
            yield from _below(root.folder / Path(*root.library.split(".")), root.folder)


def is_core(module: str) -> bool:
    """Whether a module comes with Lean itself."""
    return module.split(".", 1)[0] in CORE_MODULES


def source_path(folder: Path, module: str) -> Path | None:
    """Where the source of a module would be below a folder; None for a name that is no path, such as one with `..`."""
    parts = module.split(".")
    if any(not part or "/" in part or "\\" in part or "\0" in part for part in parts):
        return None
    return folder.joinpath(*parts[:-1], parts[-1] + ".lean")


def project_of(path: Path) -> Project:
    """Find the project around a file: the nearest lakefile upwards, or the folder from which the file's imports resolve.

    Args:
        path: a Lean file or a folder. Nothing is written, run or fetched.
    """
    start = path.absolute()
    folder = start if start.is_dir() else start.parent
    for at in (folder, *folder.parents):
        lakefile = next((at / name for name in LAKEFILES if (at / name).is_file()), None)
        if lakefile is not None:
            return _lake_project(at, lakefile)
    root = _plain_root(start, folder)
    return Project(root, (SourceRoot(root, root.name, own=True),), _toolchain(root))


def _lake_project(root: Path, lakefile: Path) -> Project:
    unread: list[str] = []
    roots = list(_roots(root, lakefile, unread, own=True))
    for package in _packages(root, unread):
        found = next((package / name for name in LAKEFILES if (package / name).is_file()), None)
        if found is None:
            roots.append(SourceRoot(package, package.name, own=False))
        else:
            roots += _roots(package, found, unread, own=False)
    return Project(root, tuple(roots), _toolchain(root), tuple(unread))


def _roots(folder: Path, lakefile: Path, unread: list[str], *, own: bool) -> Iterator[SourceRoot]:
    try:
        read = read_lakefile(lakefile)
    except BadLakefile as error:
        unread.append(str(error))
        read = Lakefile(folder.name, ())
    unread += [f"{lakefile}: {phrase} could not be read." for phrase in read.unread]
    for library in read.libraries:
        place = Path(os.path.normpath(folder / library.folder))
        yield SourceRoot(place, read.name, own, library.options, library.name)
    if not read.libraries:
        yield SourceRoot(folder, read.name, own)


def _packages(root: Path, unread: list[str]) -> Sequence[Path]:
    """The folders of the packages that the manifest lists; without a manifest, those below .lake/packages."""
    manifest = root / _MANIFEST
    try:
        stated = json.loads(manifest.read_text(encoding="utf-8"))
        folder = root / (stated.get("packagesDir") or _PACKAGES)
        return [_package(root, folder, entry) for entry in stated.get("packages", [])]
    except FileNotFoundError:
        below = root / _PACKAGES
        return sorted(p for p in below.iterdir() if p.is_dir()) if below.is_dir() else []
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        unread.append(f"{manifest} could not be read: {type(error).__name__}.")
        return []


def _package(root: Path, folder: Path, entry: Mapping[str, str]) -> Path:
    base = root / entry["dir"] if entry.get("type") == "path" else folder / entry["name"].strip("«»")
    return Path(os.path.normpath(base / (entry.get("subDir") or ".")))


def _toolchain(root: Path) -> str | None:
    try:
        return (root / "lean-toolchain").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _plain_root(start: Path, folder: Path) -> Path:
    """The nearest folder upwards in which a module that the file imports has its source; else the file's own folder."""
    try:
        header = read_module_header(start.read_text(encoding="utf-8")) if start.is_file() else None
    except (OSError, UnicodeDecodeError):
        header = None
    wanted = [i.module for i in header.imports if not is_core(i.module)] if header else []
    for at in (folder, *folder.parents):
        for module in wanted:
            source = source_path(at, module)
            if source is not None and source.is_file():
                return at
    return folder


def _below(folder: Path, root: Path) -> Iterator[str]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".lean") and name not in LAKEFILES:
                yield ".".join((Path(at) / name).relative_to(root).with_suffix("").parts)
