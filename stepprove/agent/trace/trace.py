"""What happens in a run, written down while it happens: one JSON object a line, each on the disk before the next.

A run has a folder of its own with `trace.jsonl` in it. Every record has `kind` and `t`, the seconds since the run began:

    run      the file and its text, the engine, the model, the options
    hole     a hole is begun: its place and declaration
    graph    the proof graph of a search on it
    attempt  a model begins on it: the style, the seed, and the problem as it is shown
    turn     what the model wrote, its tokens, why it stopped
    check    what Lean said of code in it, and what the model was told
    partial  what stands of a proof that failed, the best so far
    verdict  what the gate said of an attempt's answer
    stopped  an attempt ended without a verdict, and why
    found    what the search and the model came to at the hole
    result   what the gate left of that
    end      the run is over: the text and the totals

A record may be missing at the end of a run that was killed; nothing else may.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import orjson

from stepprove.storage import append_line
from stepprove.visible import encodable

FILE_NAME = "trace.jsonl"


class TraceMissing(Exception):
    """There is no trace to read; the message is one sentence."""


class Trace:
    """The records of one run. Without a file nothing is kept. May be written to from any thread."""

    def __init__(self, descriptor: int | None = None, path: Path | None = None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._started = time.monotonic()
        self._lock = threading.Lock()

    @classmethod
    def create(cls, parent: Path) -> Self:
        """Begin a trace in a new folder `<time>-<id>` under `parent`. Raises OSError."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = parent / f"{stamp}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        path = folder / FILE_NAME
        return cls(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644), path)

    def record(self, kind: str, **fields: Any) -> None:
        """Write one record down. A full disk is no reason to lose a proof: what cannot be written is left out."""
        if self._descriptor is None:
            return
        seconds = round(time.monotonic() - self._started, 3)
        line = _line({"kind": kind, "t": seconds, **fields})
        with self._lock:
            try:
                append_line(self._descriptor, line)
            except OSError:
                return

    def close(self) -> None:
        """End the trace; harmless when repeated."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _line(record: dict[str, Any]) -> bytes:
    """A record as a line, also where half a character or a number beyond JSON's is in it."""
    try:
        return orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(encodable(record), default=str, ensure_ascii=False).encode() + b"\n"


def find_trace(run: Path) -> Path:
    """The trace of a run: its folder, its file, or the name of a folder under `runs/`. Raises TraceMissing."""
    for path in (run, run / FILE_NAME, Path("runs") / run / FILE_NAME):
        if path.is_file():
            return path
    raise TraceMissing(f"{run} is no run: name its folder, such as runs/20260131-120000-0a1b2c.")


def read_trace(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a trace; a line that a killed run left unfinished is passed over. Raises TraceMissing."""
    found = False
    try:
        lines = path.read_bytes().splitlines()
    except OSError as problem:
        raise TraceMissing(f"{path} cannot be read: {problem.strerror}.") from None
    for line in lines:
        try:
            record = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("kind"), str):
            found = True
            yield record
    if not found:
        raise TraceMissing(f"{path} holds no record of a run.")
