"""Read the records of a JSONL file; report and skip invalid lines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from stepprove.files.input_file import require_file

Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class JsonlRecord(Generic[Item]):
    """A record and its place in the file."""

    number: int
    digest: str
    item: Item


def read_lines(
    path: Path, kind: type[Item], complain: Callable[[int, str], None]
) -> Iterator[JsonlRecord[Item]]:
    """Yield the records of a JSONL file.

    Args:
        path: the file.
        kind: the model of a record.
        complain: receives the number and fault of each invalid line.

    Raises:
        InputError, OSError: the file cannot be read.
    """
    with require_file(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                item = kind.model_validate_json(line)
            except ValidationError as wrong:
                complain(number, reason_of(wrong))
                continue
            yield JsonlRecord(number, hashlib.sha256(line.strip()).hexdigest()[:16], item)


def reason_of(wrong: ValidationError) -> str:
    """Describe the fault of a line in a few words."""
    error = wrong.errors()[0]
    if error["type"] == "json_invalid":
        return "it is no JSON"
    field = error["loc"][0] if error["loc"] else "the line"
    return f"`{field}` is missing" if error["type"] == "missing" else f"{field}: {error['msg'].lower()}"
