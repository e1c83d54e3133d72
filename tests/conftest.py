"""One real Lean for the whole test run."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.pool.pool import SyncPool

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
"""The same examples on every run, so that a red run is its commit's doing; `--hypothesis-profile=default` draws new ones."""

MEMORY_BEFORE_RESTART_MB = 1100
"""States only accumulate in a REPL; beyond this it is started anew between two tests."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control has its background jobs ignore Ctrl-C, and their children inherit that: what the tests start
    # must heed it wherever the tests run.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The embedded Lean, installed if it is not there yet."""
    return find_engine(prefer="embedded")


@pytest.fixture(scope="session")
def shared_repl(engine: Engine) -> Iterator[Repl]:
    """The process behind `repl`."""
    with Repl(engine, timeout=120) as repl:
        yield repl


@pytest.fixture
def repl(shared_repl: Repl) -> Repl:
    """A REPL on real Lean. Other tests have used it: keep to the environments that your own test makes."""
    if shared_repl.memory_mb() > MEMORY_BEFORE_RESTART_MB:
        shared_repl.restart()
    return shared_repl


@pytest.fixture(scope="session")
def lean_pool(engine: Engine) -> Iterator[SyncPool]:
    """A pool of one process, for tests of what works on pools."""
    with SyncPool(engine, size=1, standby=0) as pool:
        yield pool
