"""The ledger of a long stage: one row for each record, kept or dropped, in an SQLite file.

A row is complete or absent after a kill; a million rows need no memory. A record that a model or Lean left unanswered has no
row, so the next run tries it again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stepprove.faults import Failure
from stepprove.storage import AlreadyRunning, run_lock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    line INTEGER PRIMARY KEY, digest TEXT NOT NULL, dropped TEXT, body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS about (what TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_MOST_AT_ONCE = 1000


class BadLedger(Failure, ValueError):
    """A ledger cannot be continued; the message is one sentence."""

    exit_code = 2


class Ledger:
    """The records of one stage.

    Args:
        path: the file; created if missing.
        about: the settings of the stage; a ledger with other settings is refused.

    Raises:
        BadLedger: another process holds it, it has other settings, or it is not a ledger.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._held = ExitStack()
        try:
            self._held.enter_context(run_lock(path.with_suffix(".lock")))
        except AlreadyRunning:
            raise BadLedger(f"Another process is writing to {path}.") from None
        self._file = sqlite3.connect(path, isolation_level=None)
        try:
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "PRAGMA synchronous=NORMAL"
            )  # survives any kill; a power cut may lose the last rows
            self._file.executescript(_SCHEMA)
            self._agree(about)
        except sqlite3.DatabaseError as wrong:
            self.close()
            raise BadLedger(f"{path} cannot be used as a ledger ({wrong}).") from None
        except BadLedger:
            self.close()
            raise

    def _agree(self, about: Mapping[str, Any]) -> None:
        settings = dict(self._file.execute("SELECT what, value FROM about"))
        for what, value in about.items():
            encoded = json.dumps(value, sort_keys=True)
            if settings.get(what, encoded) != encoded:
                raise BadLedger(
                    f"{self.path} was begun with {what} {settings[what]}, not {encoded}: name another folder."
                )
            self._file.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (what, encoded))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        self._file.close()
        self._held.close()

    def digest(self, line: int) -> str | None:
        """Return the digest of a record's source line; None without a row."""
        row = self._file.execute("SELECT digest FROM records WHERE line = ?", (line,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, line: int, digest: str, body: str, dropped: str | None = None) -> None:
        """Write the row of a line; it is on disk on return.

        Args:
            line: the number of the source line, from 1.
            digest: of that line.
            body: the record as JSON.
            dropped: the reason to drop it; None keeps it.
        """
        self._file.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", (line, digest, dropped, body)
        )

    def counts(self) -> dict[str, int]:
        """Return the number of kept records (under `kept`) and of dropped ones by reason, the most frequent first."""
        rows = self._file.execute(
            "SELECT coalesce(dropped, 'kept'), count(*) FROM records GROUP BY dropped ORDER BY dropped IS NOT NULL, 2 DESC"
        )
        return {str(reason): int(count) for reason, count in rows}

    def kept(self) -> Iterator[str]:
        """Yield the bodies of the kept records, by line."""
        last = 0
        while True:
            rows = self._file.execute(
                "SELECT line, body FROM records WHERE dropped IS NULL AND line > ? ORDER BY line LIMIT ?",
                (last, _MOST_AT_ONCE),
            ).fetchall()
            if not rows:
                return
            for line, body in rows:
                last = int(line)
                yield str(body)
