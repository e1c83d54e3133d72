"""Evaluations on real Lean, of small benchmarks made for the tests."""

from __future__ import annotations

from collections.abc import Iterator

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
