"""Compiled modules in the cache, by key: what one build made, every later one finds.

    <cache>/modules/store/<key>/   the files of one module: `.olean` and, of a `module`, `.ir` and others; RECORD
    <cache>/modules/view/<hash>/   the files of one project by their modules' names, links into the store, for an engine to read

A folder of the store appears whole, by one rename. RECORD holds the sha256 of each file, and Lean's messages.
A file that is not what RECORD says is as good as none: the module is compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepprove.files.private_folder import private_folder
from stepprove.lean_project.engines.embedded.install import cache_directory
from stepprove.lean_project.repl.protocol import Message
from stepprove.storage import run_lock, sha256_of

__all__ = ["ModuleStore", "StoreSize", "StoredModule"]

_RECORD = "RECORD"


@dataclass(frozen=True, slots=True)
class StoredModule:
    """One compiled module."""

    files: Mapping[str, Path]
    """By their endings."""
    messages: tuple[Message, ...]
    """Lean's, when it was compiled."""


@dataclass(frozen=True, slots=True)
class StoreSize:
    """What the store takes."""

    modules: int
    bytes: int


class ModuleStore:
    """The compiled modules that this user's builds share.

    Args:
        folder: where they are kept; None: in the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_directory() / "modules"
        self._store = self.folder / "store"

    def get(self, key: str) -> StoredModule | None:
        """The module of a key; None if it is not there whole, or a file was changed."""
        at = self._store / key
        try:
            record = json.loads((at / _RECORD).read_bytes())
            sums = record["sha256"]
            files = {ending: at / ending for ending in sums}
            if not files or any(sha256_of(path) != sums[ending] for ending, path in files.items()):
                return None
            messages = tuple(Message.model_validate(message) for message in record["messages"])
            os.utime(at / _RECORD)  # the last use, for `prune`
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return None
        return StoredModule(files, messages)

    def put(self, key: str, files: Mapping[str, bytes], messages: Sequence[Message]) -> StoredModule:
        """Keep a compiled module. Raises OSError."""
        private_folder(self._store)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._store))
        try:
            for ending, content in files.items():
                (partial / ending).write_bytes(content)
            record = {
                "sha256": {ending: hashlib.sha256(content).hexdigest() for ending, content in files.items()},
                "messages": [message.model_dump(mode="json", by_alias=True) for message in messages],
            }
            (partial / _RECORD).write_text(json.dumps(record))
            at = self._store / key
            if at.exists():  # changed by somebody, or made meanwhile by another build
                shutil.rmtree(at, ignore_errors=True)
            partial.rename(at)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            if (found := self.get(key)) is not None:
                return found
            raise
        return StoredModule({ending: at / ending for ending in files}, tuple(messages))

    def view(self, keys: Mapping[str, str]) -> Path:
        """Make the empty folder in which a build lays out the modules that it has, for engines to read.

        Args:
            keys: each module's key, by its name; the same keys share a folder.

        Raises:
            OSError: it cannot be made.
        """
        name = hashlib.sha256(json.dumps(sorted(keys.items())).encode()).hexdigest()[:32]
        folder = self.folder / "view" / name
        private_folder(folder)
        return folder

    def show(self, view: Path, module: str, files: Mapping[str, Path]) -> None:
        """Lay a module out in a view, its main file last. Raises OSError."""
        *parents, last = module.split(".")
        folder = view.joinpath(*parents)
        folder.mkdir(parents=True, exist_ok=True)
        for ending in sorted(files, key=lambda ending: ending == ".olean"):
            _link(files[ending], folder / (last + ending))

    @contextlib.contextmanager
    def making(self, key: str) -> Iterator[None]:
        """Hold the lock of a key, so that of two builds one compiles and the other waits. Raises OSError."""
        locks = self.folder / "locks"
        private_folder(locks)
        with run_lock(locks / key[:40], wait=True):
            yield

    def size(self) -> StoreSize:
        """What the store takes now."""
        modules = [path for path in _folders(self._store) if not path.name.startswith(".")]
        return StoreSize(len(modules), sum(_bytes(path) for path in modules))

    def prune(self, most_bytes: int = 0) -> int:
        """Remove the modules that were used longest ago, until the store takes no more than `most_bytes`; return how many."""
        shutil.rmtree(self.folder / "view", ignore_errors=True)
        old = [path for path in _folders(self._store) if path.name.startswith(".")]
        for path in old:
            if time.time() - path.stat().st_mtime > 3600:  # a build that was killed
                shutil.rmtree(path, ignore_errors=True)
        kept = sorted((p for p in _folders(self._store) if not p.name.startswith(".")), key=_used)
        total, removed = sum(map(_bytes, kept)), 0
        for path in kept:
            if total <= most_bytes:
                break
            total -= _bytes(path)
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
        return removed


def _link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the disk has no links."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    temporary.replace(target)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _used(folder: Path) -> float:
    try:
        return (folder / _RECORD).stat().st_mtime
    except OSError:
        return 0.0
