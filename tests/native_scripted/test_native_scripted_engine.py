"""Which native Lean is chosen, and what is said when its parts are missing or do not fit together (scripted elan, lake, repl)."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest
from machine import BROKEN_REPL, MATHLIB, Machine, script, where_repl

from stepprove.lean_project import CommandResponse, Repl
from stepprove.lean_project.engines.errors import NativeMissing
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.engines.native.lake import INSTALL_ELAN, mathlib_commit, project_around


def where(answer: object) -> str:
    assert isinstance(answer, CommandResponse)
    return answer.messages[0].data


def test_a_ready_project_is_chosen(machine: Machine, ready: Path) -> None:
    engine = find_engine(ready)
    project = machine.folder / "project"
    repl = project / ".lake/packages/REPL/.lake/build/bin/repl"
    assert engine.kind == "native"
    assert engine.command == (str(machine.folder / "bin" / "lake"), "env", str(repl))
    assert engine.cwd == project
    assert (engine.lean_version, engine.mathlib) == ("4.28.0", MATHLIB)


def test_the_repl_runs_in_the_project(machine: Machine, ready: Path) -> None:
    with Repl(find_engine(ready)) as repl:
        assert where(repl.command("#eval 1")) == str(machine.folder / "project")


def test_embedded_can_be_preferred(ready: Path) -> None:
    assert find_engine(ready, prefer="embedded").kind == "embedded"


def test_a_file_outside_of_projects_gets_the_embedded_engine(machine: Machine, ready: Path) -> None:
    assert find_engine(machine.folder / "Alone.lean").kind == "embedded"
    assert find_engine().kind == "embedded"


def test_lake_is_found_where_elan_puts_it(machine: Machine, ready: Path) -> None:
    home = machine.folder / "elan" / "bin"
    home.mkdir()
    for name in ("lake", "elan"):
        (machine.folder / "bin" / name).rename(home / name)
    assert find_engine(ready).command[0] == str(home / "lake")


def test_the_nearest_project_counts(machine: Machine, ready: Path) -> None:
    inner = machine.folder / "project" / "Sub"
    (inner / "lakefile.lean").write_text("")
    (inner / "lean-toolchain").write_text("leanprover/lean4:v4.20.1")
    found = project_around(ready)
    assert found is not None
    assert (found.root, found.lean_version) == (inner, "4.20.1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": [{"name": "mathlib"}]}', '{"packages": 1}'])
def test_a_manifest_without_mathlib_gives_no_commit(machine: Machine, ready: Path, text: str) -> None:
    (machine.folder / "project" / "lake-manifest.json").write_text(text)
    found = project_around(ready)
    assert found is not None
    assert mathlib_commit(found) is None


def test_without_lake_the_sentence_names_elans_installer(machine: Machine) -> None:
    with pytest.raises(NativeMissing) as refusal:
        find_engine(machine.add_project(), prefer="native")
    assert INSTALL_ELAN in str(refusal.value)


def test_a_missing_toolchain_is_named(machine: Machine) -> None:
    machine.add_lake()
    file = machine.add_project()
    with pytest.raises(NativeMissing, match=r"run `elan toolchain install leanprover/lean4:v4\.28\.0`"):
        find_engine(file, prefer="native")
    assert find_engine(file).kind == "embedded"


def test_a_missing_repl_is_named(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    with pytest.raises(
        NativeMissing, match=r"No REPL is built for Lean 4\.28\.0 .* `stepprove setup --native`"
    ):
        find_engine(machine.add_project(repl=None), prefer="native")


def test_a_lake_of_another_release_without_elan_is_refused(machine: Machine) -> None:
    machine.add_lake(elan=False, version="4.20.1")
    with pytest.raises(NativeMissing, match=r"needs Lean 4\.28\.0 and \S+/lake is of Lean 4\.20\.1"):
        find_engine(machine.add_project(), prefer="native")


def test_a_lake_of_the_same_release_needs_no_elan(machine: Machine) -> None:
    machine.add_lake(elan=False)
    assert find_engine(machine.add_project()).kind == "native"


def test_a_channel_is_left_to_elan_and_the_release_is_what_the_repl_says(machine: Machine) -> None:
    machine.add_lake()
    engine = find_engine(machine.add_project(toolchain="leanprover/lean4:stable"))
    assert (engine.kind, engine.lean_version) == ("native", "4.28.0")


def test_the_variable_names_the_repl(machine: Machine, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = script(machine.folder / "my-repl", where_repl())
    monkeypatch.setenv("STEPPROVE_REPL", str(chosen))
    assert find_engine(ready).command[-1] == str(chosen)


def test_a_wrong_variable_is_named(machine: Machine, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPROVE_REPL", str(machine.folder))
    with pytest.raises(NativeMissing, match=r"STEPPROVE_REPL names .* run `unset STEPPROVE_REPL`"):
        find_engine(ready, prefer="native")


def test_a_repl_of_another_lean_is_refused(machine: Machine, ready: Path) -> None:
    machine.add_repl(where_repl("4.20.1"))
    with pytest.raises(
        NativeMissing,
        match=r"needs Lean 4\.28\.0 and the REPL \S+ is of Lean 4\.20\.1: run `lake build repl`",
    ):
        find_engine(ready, prefer="native")


def test_a_repl_that_cannot_read_the_toolchains_modules_is_refused(machine: Machine, ready: Path) -> None:
    machine.add_repl(BROKEN_REPL.format(python=sys.executable))
    with pytest.raises(NativeMissing, match=r"does not answer in \S+ \(it was built by another Lean\)"):
        find_engine(ready, prefer="native")


def test_a_mathlib_for_another_lean_is_refused(machine: Machine, ready: Path) -> None:
    mathlib = machine.project / ".lake/packages/mathlib"
    mathlib.mkdir(parents=True)
    (mathlib / "lean-toolchain").write_text("leanprover/lean4:v4.27.0\n")
    with pytest.raises(NativeMissing, match=r"its Mathlib for leanprover/lean4:v4\.27\.0: run `cp "):
        find_engine(ready, prefer="native")
    (mathlib / "lean-toolchain").write_text("leanprover/lean4:v4.28.0\n")
    assert find_engine(ready).kind == "native"


def test_what_lean_may_allocate_is_bounded_beside_what_it_maps(ready: Path) -> None:
    engine = find_engine(ready)
    assert engine.mapped_mb is not None
    with Repl(engine, memory_limit_mb=3000) as repl:
        repl.command("#eval 1")
        assert repl.pid is not None
        soft, _ = resource.prlimit(repl.pid, resource.RLIMIT_DATA)
    assert soft / 1e6 == pytest.approx(3000 + engine.mapped_mb, rel=0.01)
