"""The trace of a run: one JSON object a line, each on the disk before the next.

Each run has a folder with a `trace.jsonl`. Every record has `kind` and `t`, the seconds since the start of the run:

    run      the file and its text, the engine, the model, the options
    hole     work on a hole begins: its place and declaration
    graph    the proof graph of a search on it
    attempt  a model begins: the style, the seed, and the problem in its prompt
    turn     the model's text, its tokens, and its stop reason
    check    Lean's answer to code in it, and the feedback to the model
    partial  the best part of a failed proof so far
    verdict  the gate's judgement of an attempt's answer
    stopped  an attempt ended without a verdict, and why
    found    the result of the search and the model on the hole
    result   the hole's result after the gate
    end      the run is over: the text and the totals

Only a killed run may lack records, at its end.
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
    """The records of one run, safe to write from any thread; without a file it keeps nothing."""

    def __init__(self, descriptor: int | None = None, path: Path | None = None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._started = time.monotonic()
        self._lock = threading.Lock()

    @classmethod
    def create(cls, parent: Path) -> Self:
        """Begin a trace in a new folder `<time>-<id>` under `parent`; raise OSError."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = parent / f"{stamp}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        path = folder / FILE_NAME
        return cls(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644), path)

    def record(self, kind: str, **fields: Any) -> None:
        """Write one record; drop it if the disk is full, because a proof matters more."""
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
        """Close the trace; repeated calls do no harm."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _line(record: dict[str, Any]) -> bytes:
    """Return a record as a line, also with a lone surrogate or a number beyond JSON's in it."""
    try:
        return orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(encodable(record), default=str, ensure_ascii=False).encode() + b"\n"


def find_trace(run: Path) -> Path:
    """Return the trace of a run: its folder, its file, or the name of a folder under `runs/`.

    Raises:
        TraceMissing: there is none.
    """
    for path in (run, run / FILE_NAME, Path("runs") / run / FILE_NAME):
        if path.is_file():
            return path
    raise TraceMissing(f"{run} is no run: name its folder, such as runs/20260131-120000-0a1b2c.")


def read_trace(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a trace; skip a torn line.

    Raises:
        TraceMissing: the file cannot be read or has no records.
    """
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
