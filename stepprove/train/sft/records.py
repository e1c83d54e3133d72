"""Append-only JSONL files of records that survive a kill."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

Record = TypeVar("Record", bound=BaseModel)


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Read the records of a file, without an unfinished last line; none where the file is missing.

    Args:
        path: the file.
        kind: the records' type.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is no such record.
    """
    if not path.exists():
        return []
    return [kind.model_validate_json(line) for line in path.read_bytes().split(b"\n")[:-1] if line]


def cut_broken_end(path: Path) -> None:
    """Cut off an unfinished last line, so that the next record starts a line. Raises OSError."""
    data = path.read_bytes()
    if (whole := data.rfind(b"\n") + 1) < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)


def line_of(record: BaseModel) -> bytes:
    """Return a record as a line."""
    return record.model_dump_json().encode() + b"\n"
