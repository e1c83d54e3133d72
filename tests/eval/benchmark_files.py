"""Benchmarks made for the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_lines(path: Path, records: Sequence[Mapping[str, object] | str]) -> Path:
    """A file of JSON lines; a string is a line as it stands."""
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path
