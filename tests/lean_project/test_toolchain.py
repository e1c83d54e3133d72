"""Which Lean is chosen.

Native mode is played by scripts named elan, lake and repl, so that these tests need no toolchain.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepprove.lean_project import CommandResponse, Repl
from stepprove.lean_project.missing import LeanNotFound, NativeMissing
from stepprove.lean_project.native import INSTALL_ELAN, mathlib_commit, project_around, set_up_native
from stepprove.lean_project.toolchain import Finding, diagnose, find_engine

COMMIT = "8f9d9cff6bd728b17a24e163c9402775d9e6a365"

# `lake env PROGRAM` runs it; `lake build repl` makes the program; every call is noted in the folder `calls`.
LAKE = """#!{python}
import json, os, pathlib, sys
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("Lake version 5.0.0-src (Lean version {version})")
elif arguments[:1] == ["env"]:
    os.execv(arguments[1], arguments[1:])
else:
    with open({calls!r}, "a") as calls:
        calls.write(" ".join(["lake", *arguments]) + "\\n")
    print("info: " + " ".join(arguments))
    if arguments == {fails!r}:
        sys.exit("error: no such revision.")
    if arguments == ["update"]:
        manifest = {{"packages": [{{"name": "REPL", "rev": "x"}}]}}
        pathlib.Path("lake-manifest.json").write_text(json.dumps(manifest))
    if arguments == ["build", "repl"]:
        repl = pathlib.Path(".lake/packages/REPL/.lake/build/bin/repl")
        repl.parent.mkdir(parents=True)
        repl.write_text({repl!r})
        repl.chmod(0o755)
"""

# Answers every command with where it was started.
REPL = f"""#!{sys.executable}
import json, os, sys
for line in sys.stdin:
    if line.strip():
        request = json.loads(line)
        if "cmd" in request:
            start = {{"line": 1, "column": 0}}
            message = {{"severity": "info", "pos": start, "endPos": None, "data": os.getcwd()}}
            answer = {{"env": 0, "messages": [message]}}
        else:
            answer = {{"message": "Unknown proof state."}}
        print(json.dumps(answer) + "\\n", flush=True)
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@dataclass
class Machine:
    """A home without Lean, and ways to put parts of it there."""

    folder: Path

    def add_lake(self, *, elan: bool = True, version: str = "4.28.0", fails: tuple[str, ...] = ()) -> None:
        calls = str(self.folder / "calls")
        text = LAKE.format(python=sys.executable, version=version, calls=calls, fails=list(fails), repl=REPL)
        script(self.folder / "bin" / "lake", text)
        if elan:
            script(self.folder / "bin" / "elan", "#!/bin/sh\n")

    def add_toolchain(self) -> None:
        (self.folder / "elan" / "toolchains" / "leanprover--lean4---v4.28.0").mkdir(parents=True)

    def add_project(self, *, toolchain: str = "leanprover/lean4:v4.28.0\n", repl: bool = True) -> Path:
        """A Lake project with a file in a folder; returns the file."""
        root = self.folder / "project"
        (root / "Sub").mkdir(parents=True)
        (root / "lakefile.toml").write_text('name = "project"\n')
        (root / "lean-toolchain").write_text(toolchain)
        packages = [{"name": "batteries", "rev": "1" * 40}, {"name": "mathlib", "rev": COMMIT}]
        (root / "lake-manifest.json").write_text(json.dumps({"version": "1.1.0", "packages": packages}))
        if repl:
            script(root / ".lake" / "packages" / "REPL" / ".lake" / "build" / "bin" / "repl", REPL)
        (root / "Sub" / "File.lean").write_text("")
        return root / "Sub" / "File.lean"

    def calls(self) -> list[str]:
        noted = self.folder / "calls"
        return noted.read_text().splitlines() if noted.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
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


def where(answer: object) -> str:
    assert isinstance(answer, CommandResponse)
    return answer.messages[0].data


def test_without_native_lean_the_embedded_one_is_chosen(machine: Machine) -> None:
    engine = find_engine(machine.add_project(repl=False))
    assert (engine.kind, engine.lean_version, engine.mathlib) == ("embedded", "4.28.0", None)


def test_the_embedded_engine_is_node_itself_with_the_launcher() -> None:
    node, launcher = find_engine(prefer="embedded").command
    assert Path(node).name == "node"
    assert subprocess.run([node, "--version"], capture_output=True, check=True).stdout.startswith(b"v24.")
    assert Path(launcher).name == "launch.cjs"


def test_an_engine_that_must_not_be_installed_is_said_to_be_missing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    with pytest.raises(LeanNotFound, match=r"not ready \(not installed\): run `stepprove setup --embedded`"):
        find_engine(install=False)
    assert not (machine.folder / "cache").exists()


def test_native_scripted_a_ready_project_is_chosen(machine: Machine, ready: Path) -> None:
    engine = find_engine(ready)
    project = machine.folder / "project"
    repl = project / ".lake/packages/REPL/.lake/build/bin/repl"
    assert engine.kind == "native"
    assert engine.command == (str(machine.folder / "bin" / "lake"), "env", str(repl))
    assert engine.cwd == project
    assert (engine.lean_version, engine.mathlib) == ("4.28.0", COMMIT)


def test_native_scripted_the_repl_runs_in_the_project(machine: Machine, ready: Path) -> None:
    with Repl(find_engine(ready)) as repl:
        assert where(repl.command("#eval 1")) == str(machine.folder / "project")


def test_native_scripted_embedded_can_be_preferred(ready: Path) -> None:
    assert find_engine(ready, prefer="embedded").kind == "embedded"


def test_native_scripted_a_file_outside_of_projects_gets_the_embedded_engine(
    machine: Machine, ready: Path
) -> None:
    assert find_engine(machine.folder / "Alone.lean").kind == "embedded"
    assert find_engine().kind == "embedded"


def test_native_scripted_lake_is_found_where_elan_puts_it(machine: Machine, ready: Path) -> None:
    home = machine.folder / "elan" / "bin"
    home.mkdir()
    for name in ("lake", "elan"):
        (machine.folder / "bin" / name).rename(home / name)
    assert find_engine(ready).command[0] == str(home / "lake")


def test_native_scripted_the_nearest_project_counts(machine: Machine, ready: Path) -> None:
    inner = machine.folder / "project" / "Sub"
    (inner / "lakefile.lean").write_text("")
    (inner / "lean-toolchain").write_text("leanprover/lean4:v4.20.1")
    found = project_around(ready)
    assert found is not None
    assert (found.root, found.lean_version) == (inner, "4.20.1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": [{"name": "mathlib"}]}', '{"packages": 1}'])
def test_native_scripted_a_manifest_without_mathlib_gives_no_commit(
    machine: Machine, ready: Path, text: str
) -> None:
    (machine.folder / "project" / "lake-manifest.json").write_text(text)
    found = project_around(ready)
    assert found is not None
    assert mathlib_commit(found) is None


def test_native_scripted_without_lake_the_sentence_names_elans_installer(machine: Machine) -> None:
    with pytest.raises(NativeMissing) as refusal:
        find_engine(machine.add_project(), prefer="native")
    assert INSTALL_ELAN in str(refusal.value)


def test_native_scripted_a_missing_toolchain_is_named(machine: Machine) -> None:
    machine.add_lake()
    file = machine.add_project()
    with pytest.raises(NativeMissing, match=r"run `elan toolchain install leanprover/lean4:v4\.28\.0`"):
        find_engine(file, prefer="native")
    assert find_engine(file).kind == "embedded"


def test_native_scripted_a_missing_repl_is_named(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    with pytest.raises(
        NativeMissing, match=r"No REPL is built for Lean 4\.28\.0 .* `stepprove setup --native`"
    ):
        find_engine(machine.add_project(repl=False), prefer="native")


def test_native_scripted_a_lake_of_another_release_without_elan_is_refused(machine: Machine) -> None:
    machine.add_lake(elan=False, version="4.20.1")
    with pytest.raises(NativeMissing, match=r"needs Lean 4\.28\.0 and \S+/lake is of Lean 4\.20\.1"):
        find_engine(machine.add_project(), prefer="native")


def test_native_scripted_a_lake_of_the_same_release_needs_no_elan(machine: Machine) -> None:
    machine.add_lake(elan=False)
    assert find_engine(machine.add_project()).kind == "native"


def test_native_scripted_a_channel_is_left_to_elan(machine: Machine) -> None:
    machine.add_lake()
    engine = find_engine(machine.add_project(toolchain="leanprover/lean4:stable"))
    assert (engine.kind, engine.lean_version) == ("native", "stable")


def test_native_scripted_the_variable_names_the_repl(
    machine: Machine, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = script(machine.folder / "my-repl", REPL)
    monkeypatch.setenv("STEPPROVE_REPL", str(chosen))
    assert find_engine(ready).command[-1] == str(chosen)


def test_native_scripted_a_wrong_variable_is_named(
    machine: Machine, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_REPL", str(machine.folder))
    with pytest.raises(NativeMissing, match=r"STEPPROVE_REPL names .* run `unset STEPPROVE_REPL`"):
        find_engine(ready, prefer="native")


def test_native_scripted_preferred_with_nothing_set_up(machine: Machine) -> None:
    with pytest.raises(NativeMissing, match="No native Lean is set up: run `stepprove setup --native`"):
        find_engine(prefer="native")


def test_native_scripted_set_up_builds_the_repl(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    lines: list[str] = []
    engine = set_up_native(mathlib=False, say=lines.append)
    assert machine.calls() == ["lake update", "lake build repl"]
    assert lines == ["info: update", "info: build repl"]
    assert engine == find_engine()
    with Repl(engine) as repl:
        assert where(repl.command("#eval 1")) == str(machine.folder / "data" / "workspace")


def test_native_scripted_set_up_pins_one_release(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=True)
    workspace = machine.folder / "data" / "workspace"
    assert machine.calls() == ["lake update", "lake exe cache get", "lake build repl"]
    assert (workspace / "lean-toolchain").read_text() == "leanprover/lean4:v4.28.0\n"
    lakefile = (workspace / "lakefile.toml").read_text()
    assert lakefile.count('rev = "v4.28.0"') == lakefile.count("[[require]]") == 2


def test_native_scripted_the_workspaces_repl_serves_projects_of_its_release(machine: Machine) -> None:
    machine.add_lake()
    machine.add_toolchain()
    workspace = set_up_native(mathlib=False)
    engine = find_engine(machine.add_project(repl=False))
    assert engine.cwd == machine.folder / "project"
    assert engine.command == workspace.command


def test_native_scripted_a_step_that_fails_is_quoted(machine: Machine) -> None:
    machine.add_lake(fails=("update",))
    with pytest.raises(NativeMissing) as refusal:
        set_up_native(mathlib=False)
    log = machine.folder / "data" / "workspace" / "setup.log"
    said = str(refusal.value)
    assert said.startswith(f"`lake update` failed (error: no such revision): read {log}, ")
    assert said.endswith("run `stepprove setup --native` again.")
    assert log.read_text() == "$ lake update\ninfo: update\nerror: no such revision.\n"
    assert machine.calls() == ["lake update"]


def test_native_scripted_without_elan_set_up_names_its_installer_and_runs_nothing(machine: Machine) -> None:
    script(machine.folder / "bin" / "curl", f"#!/bin/sh\necho > {machine.folder}/fetched\n")
    with pytest.raises(NativeMissing) as refusal:
        set_up_native(mathlib=False)
    assert f"run `{INSTALL_ELAN}`" in str(refusal.value)
    assert not (machine.folder / "fetched").exists()
    assert not (machine.folder / "data").exists()


def found(name: str, findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.name == name]
    return finding


def test_the_doctor_starts_the_embedded_lean(machine: Machine) -> None:
    findings = diagnose()
    assert [finding.name for finding in findings if not finding.ok and not finding.optional] == []
    assert "to start, check a theorem" in found("embedded Lean answers", findings).detail


def test_the_doctor_names_one_command_for_each_missing_thing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    findings = diagnose()
    assert found("embedded Lean", findings).mend == "stepprove setup --embedded"
    assert found("elan", findings).mend == INSTALL_ELAN
    assert found("native workspace", findings).mend == "stepprove setup --native"
    assert all(finding.mend is None for finding in findings if finding.ok)


def test_the_doctor_says_what_is_not_installed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    lean = found("embedded Lean", diagnose())
    assert (lean.ok, lean.detail, lean.mend) == (False, "not installed", "stepprove setup --embedded")


def test_native_scripted_the_doctor_sees_the_workspace(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.add_lake()
    machine.add_toolchain()
    set_up_native(mathlib=False)
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "cache"))
    findings = diagnose()
    assert found("native workspace", findings).ok and found("REPL", findings).ok
    assert found("Mathlib", findings).mend == "stepprove setup --native --mathlib"


def test_the_doctor_names_a_cache_that_cannot_be_written(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.folder / "file").touch()
    monkeypatch.setenv("STEPPROVE_CACHE", str(machine.folder / "file" / "cache"))
    cache = found("cache directory", diagnose())
    assert not cache.ok and cache.mend == "export STEPPROVE_CACHE=FOLDER"
