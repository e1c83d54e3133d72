"""`stepprove build` and `stepprove cache` on real Lean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stepprove.lean_project.engines.embedded.install import installation
from stepprove.lean_project.engines.engine import Engine

BROKEN = {
    "A.lean": "def a := 1\ntheorem t : a = 1 := sorry\n",
    "B.lean": "import A\ndef b : Nat := a +\n",
    "C.lean": "import B\nimport Missing\n",
}


@pytest.fixture
def cache(engine: Engine, tmp_path: Path) -> Path:
    """A cache of the test's own, with the installed Lean in it."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "embedded").symlink_to(installation().folder.parent)
    return folder


def stepprove(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from stepprove.cli.start import run; run()", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"STEPPROVE_CACHE": str(cache), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


def project(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_build_says_what_stands_and_why_the_rest_does_not(cache: Path, tmp_path: Path) -> None:
    place = project(tmp_path / "toy", BROKEN)
    ended = stepprove(cache, "build", "--project", str(place))
    assert ended.returncode == 1, ended.stderr
    lines = ended.stdout.splitlines()
    assert any("compiled" in line and " A " in line and "1 with sorry" in line for line in lines)
    assert any(f"{place}/B.lean:" in line for line in lines)
    assert any("The project has no module Missing" in line and "C.lean:2" in line for line in lines)
    assert lines[-1] == "1 of 3 modules compiled"

    place = project(place, {"B.lean": "import A\ndef b : Nat := a + 1\n", "C.lean": "import B\n"})
    again = json.loads(stepprove(cache, "build", "--project", str(place), "--json", "-j", "2").stdout)
    assert (again["exit_code"], again["stands"]) == (0, True)
    assert {m["module"]: m["state"] for m in again["modules"]} == {
        "A": "kept",
        "B": "compiled",
        "C": "compiled",
    }

    assert "3 compiled modules" in stepprove(cache, "cache").stdout
    emptied = stepprove(cache, "cache", "--prune").stdout.splitlines()
    assert emptied[0] == "3 compiled modules removed"


def test_what_is_no_project_is_refused(cache: Path, tmp_path: Path) -> None:
    ended = stepprove(cache, "build", "--project", str(tmp_path / "nothing"))
    assert (ended.returncode, "does not exist" in ended.stderr) == (2, True)
    (tmp_path / "empty").mkdir()
    ended = stepprove(cache, "build", "--project", str(tmp_path / "empty"))
    assert (ended.returncode, "has no Lean modules" in ended.stderr) == (2, True)


def test_a_cycle_is_shown(cache: Path, tmp_path: Path) -> None:
    place = project(tmp_path / "toy", {"A.lean": "import B\n", "B.lean": "import A\n"})
    ended = stepprove(cache, "build", "--project", str(place))
    assert ended.returncode == 1
    assert "These modules import each other: A → B → A." in ended.stdout
