"""The embedded Lean is chosen where there is no native one, and what the doctor says of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stepprove.lean_project.engines.embedded.sandbox import sandbox
from stepprove.lean_project.engines.errors import LeanNotFound
from stepprove.lean_project.engines.find import Finding, diagnose, find_engine
from stepprove.lean_project.engines.native.lake import INSTALL_ELAN


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without elan, Lake or a workspace."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("ELAN_HOME", str(tmp_path / "elan"))
    monkeypatch.setenv("STEPPROVE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STEPPROVE_REPL", raising=False)
    return tmp_path


def test_without_native_lean_the_embedded_one_is_chosen(bare: Path) -> None:
    (bare / "lakefile.toml").write_text('name = "project"\n')
    (bare / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    engine = find_engine(bare / "File.lean")
    assert (engine.kind, engine.lean_version, engine.mathlib) == (
        "embedded",
        "4.28.0-pre (38f3c0c45b8d)",
        None,
    )


def test_the_embedded_engine_is_node_itself_with_the_launcher_inside_the_walls() -> None:
    command = find_engine(prefer="embedded").command
    walls = sandbox()
    assert command[: len(walls.prefix) if walls else 0] == (walls.prefix if walls else ())
    node = next(part for part in command if Path(part).name == "node")
    launcher = command[-1]
    assert "--permission" in command
    assert subprocess.run([node, "--version"], capture_output=True, check=True).stdout.startswith(b"v24.")
    assert Path(launcher).name == "launch.cjs"


def test_an_engine_that_must_not_be_installed_is_said_to_be_missing(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(bare / "cache"))
    with pytest.raises(LeanNotFound, match=r"not ready \(not installed\): run `stepprove setup --embedded`"):
        find_engine(install=False)
    assert not (bare / "cache").exists()


def found(name: str, findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def test_the_doctor_starts_the_embedded_lean(bare: Path) -> None:
    findings = diagnose()
    assert [finding.name for finding in findings if not finding.ok and not finding.optional] == []
    assert "to start, check a theorem" in found("embedded Lean answers", findings).detail


def test_the_doctor_names_one_command_for_each_missing_thing(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(bare / "cache"))
    findings = diagnose()
    assert found("embedded Lean", findings).mend == "stepprove setup --embedded"
    assert found("elan", findings).mend == INSTALL_ELAN
    assert found("native workspace", findings).mend == "stepprove setup --native"
    assert all(finding.mend is None for finding in findings if finding.ok)


def test_the_doctor_says_what_is_not_installed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(bare / "cache"))
    lean = found("embedded Lean", diagnose())
    assert (lean.ok, lean.detail, lean.mend) == (False, "not installed", "stepprove setup --embedded")


def test_the_doctor_names_a_cache_that_cannot_be_written(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "file").touch()
    monkeypatch.setenv("STEPPROVE_CACHE", str(bare / "file" / "cache"))
    cache = found("cache directory", diagnose())
    assert not cache.ok and cache.mend == "export STEPPROVE_CACHE=FOLDER"
