"""Folders for what is kept between runs: nobody else's business."""

from __future__ import annotations

from pathlib import Path

_MODE = 0o700


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for the user alone; one that is there stays so. Raises OSError."""
    missing = []
    at = path
    while not at.exists() and at != at.parent:
        missing.append(at)
        at = at.parent
    for folder in reversed(missing):
        folder.mkdir(mode=_MODE, exist_ok=True)
    path.mkdir(exist_ok=True)  # an error that says so where it is a file
    return path
