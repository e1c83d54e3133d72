"""A machine without Lean, and one with a Lake project that is ready to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from machine import Machine

from stepprove.cli.main import status


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A home of its own; nothing of this machine's elan, Lake or workspace is seen."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("ELAN_HOME", str(tmp_path / "elan"))
    monkeypatch.setenv("STEPPROVE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STEPPROVE_REPL", raising=False)
    return Machine(tmp_path)


@pytest.fixture
def ready(machine: Machine) -> Path:
    """A file in a Lake project that is ready to run."""
    machine.add_lake()
    machine.add_toolchain()
    return machine.add_project()


@pytest.fixture
def stepprove(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line; gives its exit code."""

    def run(*arguments: str | Path) -> int:
        monkeypatch.setattr("sys.argv", ["stepprove", *map(str, arguments)])
        return status()

    return run
