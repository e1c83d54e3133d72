"""The records of a JSONL file, one after the other; a line that is none is told and passed over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from stepprove.input_file import require_file

Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class JsonlRecord(Generic[Item]):
    """A record of the file and where it stands."""

    number: int
    digest: str
    item: Item


def read_lines(
    path: Path, kind: type[Item], complain: Callable[[int, str], None]
) -> Iterator[JsonlRecord[Item]]:
    """The records of a JSONL file, one after the other; a line that is none is told to `complain`. Raises InputError, OSError."""
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
    """What is wrong with a line, in a few words."""
    error = wrong.errors()[0]
    if error["type"] == "json_invalid":
        return "it is no JSON"
    field = error["loc"][0] if error["loc"] else "the line"
    return f"`{field}` is missing" if error["type"] == "missing" else f"{field}: {error['msg'].lower()}"
