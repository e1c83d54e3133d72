"""A scripted formalizer and one real Lean for the tests of autoformalization."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_formalizer import ScriptedFormalizer

from stepprove.lean_project.engine import Engine
from stepprove.lean_project.pool import SyncPool


@pytest.fixture(scope="session")
def formalizer() -> Iterator[ScriptedFormalizer]:
    server = ScriptedFormalizer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def formalizer_pool(engine: Engine) -> Iterator[SyncPool]:
    with SyncPool(engine, size=1, standby=0) as pool:
        yield pool
