"""Folders that only the user can read, for data kept between runs."""

from __future__ import annotations

from pathlib import Path

_MODE = 0o700


def private_folder(path: Path) -> Path:
    """Create a folder and its missing parents for the user alone; an existing folder keeps its mode. Raises OSError."""
    missing = []
    at = path
    while not at.exists() and at != at.parent:
        missing.append(at)
        at = at.parent
    for folder in reversed(missing):
        folder.mkdir(mode=_MODE, exist_ok=True)
    path.mkdir(exist_ok=True)  # raises the right error if it is a file
    return path
