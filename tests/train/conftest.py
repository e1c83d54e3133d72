"""One pool of Lean engines for the tests of this folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from micro import THEOREM, train

from stepprove.agent.models.stepfun import feedback_of
from stepprove.lean_project import find_engine
from stepprove.lean_project.pool.pool import SyncPool


@pytest.fixture(scope="session")
def pool() -> Iterator[SyncPool]:
    with SyncPool(find_engine(), size=1, timeout=60) as lean:
        yield lean


@pytest.fixture(scope="session")
def models(pool: SyncPool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tiny` is a model that proves one theorem, after a wrong first step."""
    folder = tmp_path_factory.mktemp("models")
    train(folder / "tiny", feedback_of(pool.check(THEOREM.source("simp"))))
    return folder


@pytest.fixture
def launching(tmp_path: Path) -> dict[str, str]:
    """An environment that has `accelerate` among its programs."""
    program = tmp_path / "bin" / "accelerate"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m accelerate.commands.accelerate_cli "$@"\n'
    )
    program.chmod(0o755)
    return {**os.environ, "OMP_NUM_THREADS": "1", "PATH": f"{program.parent}:{os.environ['PATH']}"}
