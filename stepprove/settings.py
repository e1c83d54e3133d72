"""Load a YAML file into a pydantic model, with every fault reported in one sentence that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from stepprove.faults import Failure

_MOST_BYTES = 1_000_000

Model = TypeVar("Model", bound=BaseModel)


class BadSettings(Failure, ValueError):
    """The file cannot be used; the message is one sentence."""

    exit_code = 2


def read_text(path: Path, name: str, noun: str, error: type[BadSettings]) -> str:
    """Read a settings file.

    Args:
        path: the file.
        name: its name in messages.
        noun: its kind in messages, such as `recipe`.
        error: the exception to raise.

    Raises:
        BadSettings: as `error`, when the file is larger than 10**6 B or is not UTF-8.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise error(f"{name} is too large for a {noun}.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise error(f"{name} is not UTF-8.") from None


def parse_yaml(text: str, name: str, error: type[BadSettings]) -> Any:
    """Parse YAML; an empty text is an empty mapping. Raises BadSettings as `error`."""
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as fault:
        raise error(f"{name} is not YAML ({' '.join(str(fault).split())}).") from None


def validate(data: Any, kind: type[Model], name: str, error: type[BadSettings], whole: str = "") -> Model:
    """Validate parsed YAML against a model.

    Args:
        data: the parsed file.
        kind: the model.
        name: the file's name in messages.
        error: the exception to raise.
        whole: the place named for a fault of the whole file; empty: none.

    Raises:
        BadSettings: as `error`, with the first fault and its place.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as faults:
        fault = faults.errors()[0]
        place = ".".join(str(part) for part in fault["loc"]) or whole
        raise error(f"{name}: {place + ': ' if place else ''}{fault['msg']}.") from None


def resolve_paths(value: Any, folder: Path) -> Any:
    """Return the value with every relative path in it taken from `folder`; `~` is the user's home."""
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, tuple):
        return tuple(resolve_paths(item, folder) for item in value)
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        resolved = {name: resolve_paths(field, folder) for name, field in fields.items()}
        changed = {name: field for name, field in resolved.items() if field != fields[name]}
        return value.model_copy(update=changed) if changed else value
    return value
