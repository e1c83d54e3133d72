"""Evaluations on real Lean, of small benchmarks made for the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from scripted_prover import ScriptedProver

from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool


@pytest.fixture(scope="session")
def lean_pool(engine: Engine) -> Iterator[SyncPool]:
    """One Lean process for all tests."""
    with SyncPool(engine, size=1, standby=0) as pool:
        yield pool


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedProver]:
    """A server whose models say what a test lets them say."""
    server = ScriptedProver()
    yield server
    server.close()


def write_lines(path: Path, records: Sequence[Mapping[str, object] | str]) -> Path:
    """A file of JSON lines; a string is a line as it stands."""
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path
