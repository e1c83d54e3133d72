"""The journal of a run: a file of JSON lines that only grows, with each attempt on disk before it is reported.

inspect writes its log in pieces, so a kill may leave half of it; the journal is complete up to its last line. A run that starts
again takes the finished attempts from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from stepprove.eval.records.record import Attempt
from stepprove.eval.setup import Manifest
from stepprove.faults import Failure
from stepprove.outcome import Outcome
from stepprove.storage import AlreadyRunning, append_line, run_lock, whole_lines


class JournalRefused(Failure):
    """A journal cannot serve this run; the message is one sentence."""

    exit_code = 2


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a run's lock on a file; raise JournalRefused if another run holds it."""
    try:
        with run_lock(path.with_name(f".{path.name}.lock")):
            yield
    except AlreadyRunning:
        raise JournalRefused(
            f"Another run is writing {path}: wait for it, or name another --log-dir."
        ) from None


class _JournalEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: Manifest | None = None
    attempt: Attempt | None = None


class Journal:
    """The journal of a run; a context manager that holds its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest | None = None
        self._held = ExitStack()
        self._attempts: dict[tuple[str, int], Attempt] = {}
        self._spoiled: dict[tuple[str, int], int] = {}
        self._file = -1

    def __enter__(self) -> Self:
        """Take the lock and read the journal.

        Raises:
            JournalRefused: another run holds it, or it is not a journal.
            OSError: it cannot be read.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(locked(self.path))
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._read()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._held.close()

    def begin(self, manifest: Manifest) -> None:
        """Write the manifest; raise JournalRefused if the journal has another one."""
        if self.manifest is None:
            self._write(_JournalEntry(manifest=manifest))
            self.manifest = manifest
            return
        if changed := _difference(self.manifest, manifest):
            raise JournalRefused(
                f"{self.path} has attempts made with another {changed}: name another --log-dir, or remove it."
            )

    def recall(self, problem: str, epoch: int) -> Attempt | None:
        """Return a finished attempt; an attempt with an infrastructure outcome is not finished."""
        return self._attempts.get((problem, epoch))

    def tries(self, problem: str, epoch: int) -> int:
        """Return how often an attempt ended with an infrastructure outcome."""
        return self._spoiled.get((problem, epoch), 0)

    def keep(self, attempt: Attempt) -> None:
        """Write an attempt to disk; raise OSError."""
        self._write(_JournalEntry(attempt=attempt))
        self._note(attempt)

    def _note(self, attempt: Attempt) -> None:
        key = attempt.problem, attempt.epoch
        if attempt.outcome is Outcome.INFRASTRUCTURE:
            self._spoiled[key] = max(self._spoiled.get(key, 0) + 1, attempt.tries)
        else:
            self._attempts[key] = attempt

    def _write(self, line: _JournalEntry) -> None:
        data = line.model_dump_json(include=line.model_fields_set).encode() + b"\n"
        append_line(self._file, data, sync=True)

    def _read(self) -> None:
        """Read every whole line, and cut the torn last one."""
        with open(self._file, "rb", closefd=False) as file:
            whole = 0
            for number, data in enumerate(whole_lines(file), 1):
                whole += len(data)
                self._take(data, number)
        os.ftruncate(self._file, whole)

    def _take(self, data: bytes, number: int) -> None:
        try:
            line = _JournalEntry.model_validate_json(data)
        except ValidationError:
            raise JournalRefused(
                f"{self.path}, line {number}: that is no attempt of an evaluation."
            ) from None
        if line.manifest is not None:
            self.manifest = self.manifest or line.manifest
        if line.attempt is not None:
            self._note(line.attempt)


def _difference(old: Manifest, new: Manifest) -> str | None:
    """Describe the difference between two manifests."""
    if old.dataset.sha256 != new.dataset.sha256:
        return f"dataset (sha256 {old.dataset.sha256[:12]}, now {new.dataset.sha256[:12]})"
    if old.engine != new.engine:
        return f"engine ({old.engine}, now {new.engine})"
    for name in ("stepprove",):
        if old.versions.get(name) != new.versions.get(name):
            return f"version of {name} ({old.versions.get(name)}, now {new.versions.get(name)})"
    return None
