"""One pool of Lean engines for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stepprove.lean_project import find_engine
from stepprove.lean_project.pool import SyncPool


@pytest.fixture(scope="session")
def pool() -> Iterator[SyncPool]:
    with SyncPool(find_engine(), size=1, timeout=60) as lean:
        yield lean
