"""`stepprove setup --native`, and what the doctor says of it (scripted elan, lake, repl)."""

from __future__ import annotations

import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from machine import MATHLIB, Machine, script, where_repl

from stepprove.lean_project import CommandResponse, Repl
from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.engines.find import Finding, diagnose, find_engine
from stepprove.lean_project.engines.native.lake import INSTALL_ELAN
from stepprove.lean_project.engines.native.setup import set_up_native


def where(answer: object) -> str:
    assert isinstance(answer, CommandResponse)
    return answer.messages[0].data


def found(name: str, findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def test_preferred_with_nothing_set_up(machine: Machine) -> None:
    with pytest.raises(NativeMissing, match="No native Lean is set up: run `stepprove setup --native`"):
        find_engine(prefer="native")


def test_set_up_builds_the_repl(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    lines: list[str] = []
    engine = set_up_native(mathlib=False, say=lines.append)
    assert machine.calls() == ["lake build repl"]
    assert lines[-1] == "Build completed successfully (12 jobs)."
    assert engine == find_engine()
    with Repl(engine) as repl:
        assert where(repl.command("#eval 1")) == str(machine.folder / "data" / "workspace")


def test_set_up_pins_one_release(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=True)
    workspace = machine.folder / "data" / "workspace"
    assert machine.calls() == ["lake exe cache get", "lake build repl"]
    assert (workspace / "lean-toolchain").read_text() == "leanprover/lean4:v4.28.0\n"
    lakefile = (workspace / "lakefile.toml").read_text()
    assert lakefile.count('rev = "v4.28.0"') == lakefile.count("[[require]]") == 2


def test_set_up_pins_every_package_to_a_commit(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=False)
    assert set(machine.manifest()) == {"REPL"}
    assert set_up_native(mathlib=True).mathlib == MATHLIB
    pins = machine.manifest()
    assert set(pins) >= {"REPL", "mathlib", "batteries", "aesop", "Qq", "proofwidgets"}
    assert all(re.fullmatch("[0-9a-f]{40}", pin["rev"]) for pin in pins.values())
    assert [name for name, pin in pins.items() if not pin["inherited"]] == ["REPL", "mathlib"]


def test_a_disk_without_room_for_mathlib_is_refused_before_anything_is_fetched(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.add_lake()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 4 * 10**9, 4 * 10**9))
    with pytest.raises(
        NativeMissing, match=r"has 4\.0 GB free and 9 GB are needed: run `export STEPPROVE_DATA=FOLDER`"
    ):
        set_up_native(mathlib=True)
    assert machine.calls() == []


def test_the_workspaces_repl_serves_projects_of_its_release(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    workspace = set_up_native(mathlib=False)
    engine = find_engine(machine.add_project(repl=None))
    assert engine.cwd == machine.folder / "project"
    assert engine.command == workspace.command


def test_a_step_that_fails_is_quoted(machine: Machine) -> None:
    machine.add_lake(fails=("build", "repl"))
    with pytest.raises(NativeMissing) as refusal:
        set_up_native(mathlib=False)
    log = machine.folder / "data" / "workspace" / "setup.log"
    said = str(refusal.value)
    assert said.startswith(
        f"`lake build repl` failed (error: external command 'git' exited with code 128): read {log}, "
    )
    assert said.endswith("run `stepprove setup --native` again.")
    assert log.read_text() == "$ lake build repl\nerror: external command 'git' exited with code 128\n"
    machine.add_lake()
    machine.add_toolchain()
    assert set_up_native(mathlib=False).kind == "native"


def test_without_elan_set_up_names_its_installer_and_runs_nothing(machine: Machine) -> None:
    script(machine.folder / "bin" / "curl", f"#!/bin/sh\necho > {machine.folder}/fetched\n")
    with pytest.raises(NativeMissing) as refusal:
        set_up_native(mathlib=False)
    assert f"run `{INSTALL_ELAN}`" in str(refusal.value)
    assert not (machine.folder / "fetched").exists()
    assert not (machine.folder / "data").exists()


def test_the_doctor_sees_the_workspace(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=False)
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    findings = diagnose()
    assert found("native workspace", findings).ok and found("REPL", findings).ok
    assert found("Mathlib", findings).mend == "stepprove setup --native --mathlib"


def test_the_doctor_asks_the_workspaces_lean(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=False)
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    assert found("native Lean answers", diagnose()).detail.startswith("Lean 4.28.0 in ")
    (machine.folder / "data/workspace/.lake/packages/REPL/.lake/build/bin/repl").write_text(
        where_repl("4.20.1")
    )
    broken = found("native Lean answers", diagnose())
    assert (broken.ok, broken.mend) == (False, "lake build repl")


def test_the_doctor_looks_at_the_project_around_a_folder(
    machine: Machine, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    project = found("Lake project", diagnose(ready.parent))
    assert project.ok and str(machine.project) in project.detail
    assert "Lake project" not in {finding.name for finding in diagnose(machine.folder)}
