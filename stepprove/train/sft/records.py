"""Files of records, one JSON object a line, that a run appends to and that outlive its being killed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

Record = TypeVar("Record", bound=BaseModel)


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """The records of a file, none where there is no file; what a killed run had begun to write has no end and is left out.

    Raises OSError, and ValueError for a line that is no such record.
    """
    if not path.exists():
        return []
    return [kind.model_validate_json(line) for line in path.read_bytes().split(b"\n")[:-1] if line]


def cut_broken_end(path: Path) -> None:
    """Take away what a killed run had begun to write, so that the next record gets a line of its own. Raises OSError."""
    data = path.read_bytes()
    if (whole := data.rfind(b"\n") + 1) < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)


def line_of(record: BaseModel) -> bytes:
    """A record as a line."""
    return record.model_dump_json().encode() + b"\n"
