"""A file of a Lake project is read only when what it imports is compiled (scripted elan, lake, repl)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import Machine

from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.engines.native.imports import require_imports

pytestmark = pytest.mark.usefixtures("ready")


def test_a_compiled_module_of_the_project_is_well(machine: Machine) -> None:
    machine.add_module("Proj.Basic")
    require_imports(machine.project, ["Init", "Proj.Basic"])
    assert machine.calls() == ["lake build --no-build Proj.Basic"]


def test_a_module_of_the_project_that_is_not_compiled_is_named(machine: Machine) -> None:
    machine.add_module("Proj.Basic")
    machine.add_module("Proj.More", compiled=False)
    with pytest.raises(
        NativeMissing,
        match=r"imports Proj\.Basic and Proj\.More .*: run `lake build Proj\.Basic Proj\.More` there",
    ):
        require_imports(machine.project, ["Proj.Basic", "Proj.More"])


def test_a_module_that_was_changed_since_is_named(machine: Machine) -> None:
    machine.add_module("Proj.Basic")
    os.utime(machine.project / ".lake/build/lib/lean/Proj/Basic.olean", (1, 1))
    with pytest.raises(
        NativeMissing, match=r"not compiled as the source is now: run `lake build Proj\.Basic`"
    ):
        require_imports(machine.project, ["Proj.Basic"])


def test_a_mathlib_without_its_compiled_modules_names_the_cache(machine: Machine) -> None:
    machine.add_module("Mathlib.Data.Nat.Basic", package="mathlib", compiled=False)
    with pytest.raises(
        NativeMissing, match=r"of the package mathlib is not compiled .*: run `lake exe cache get` there"
    ):
        require_imports(machine.project, ["Mathlib.Data.Nat.Basic"])


def test_another_package_is_built_by_module(machine: Machine) -> None:
    machine.add_module("Aesop.Main", package="aesop", compiled=False, folder="src")
    with pytest.raises(NativeMissing, match=r"run `lake build Aesop\.Main` there"):
        require_imports(machine.project, ["Aesop.Main"])


def test_what_is_nowhere_is_left_to_lean(machine: Machine) -> None:
    require_imports(machine.project, ["Mathlib", "Nowhere.At.All", "«odd name».More"])
    assert machine.calls() == []


def test_lake_that_fails_is_quoted(machine: Machine) -> None:
    machine.add_lake(fails=("build", "--no-build", "Proj.Basic"))
    machine.add_module("Proj.Basic")
    with pytest.raises(
        NativeMissing, match=r"Lake cannot say .*\(error: external command 'git' exited with code 128\)"
    ):
        require_imports(machine.project, ["Proj.Basic"])


def test_the_command_ends_with_the_sentence_and_3(
    machine: Machine, stepprove: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    machine.add_module("Proj.Basic", compiled=False)
    file = machine.project / "Sub" / "File.lean"
    file.write_text("import Proj.Basic\ntheorem t : 1 = 1 := by sorry\n")
    assert stepprove("check", file, "--engine", "native") == 3
    assert "run `lake build Proj.Basic` there" in " ".join(capsys.readouterr().err.split())


def test_a_source_folder_inside_the_project_is_looked_into(machine: Machine) -> None:
    machine.add_module("Deep.One", compiled=False, folder="src")
    with pytest.raises(NativeMissing):
        require_imports(Path(machine.project), ["Deep.One"])
