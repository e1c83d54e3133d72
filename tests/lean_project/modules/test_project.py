"""Projects on disk: roots, options, packages, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepprove.lean_project.modules.lakefile import BadLakefile, read_lakefile
from stepprove.lean_project.modules.project import project_of


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


TOML = """\
name = "toy"
srcDir = "src"
leanOptions = { pp.unicode.fun = true, maxHeartbeats = 1000 }
moreLeanArgs = ["-DautoImplicit=false"]

[[lean_lib]]
name = "Toy"
leanOptions = { maxHeartbeats = 5 }

[[lean_exe]]
name = "run"
srcDir = "app"
"""

PROGRAM = """\
import Lake
open Lake DSL
-- lean_lib Commented
package «toy» where
  srcDir := "src"
  leanOptions := #[⟨`pp.unicode.fun, true⟩, ⟨`maxHeartbeats, .ofNat 1000⟩]
  moreLeanArgs := #["-DautoImplicit=false"]

require "leanprover-community" / "mathlib"

@[default_target]
lean_lib Toy where
  leanOptions := #[{ name := `maxHeartbeats, value := 5 }]

lean_exe run {
  root := `Main
  srcDir := "app"
}
"""


@pytest.mark.parametrize(("name", "text"), [("lakefile.toml", TOML), ("lakefile.lean", PROGRAM)])
def test_both_forms_of_a_lakefile_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    lakefile = read_lakefile(tmp_path / name)
    assert lakefile.name == "toy"
    assert lakefile.unread == ()
    shared = {"pp.unicode.fun": True, "maxHeartbeats": 1000, "autoImplicit": False}
    assert [(one.name, str(one.folder), one.options) for one in lakefile.libraries] == [
        ("Toy", "src", {**shared, "maxHeartbeats": 5}),
        ("run", "src/app", shared),
    ]


def test_what_a_lakefile_computes_is_named(tmp_path: Path) -> None:
    lay(tmp_path, {"lakefile.lean": "package a where\n  leanOptions := common\n\nlean_lib A\n"})
    assert read_lakefile(tmp_path / "lakefile.lean").unread == ("leanOptions of a",)


@pytest.mark.parametrize("content", [b"name = [", b"\xff\xfe"])
def test_a_lakefile_that_is_none_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lakefile.toml").write_bytes(content)
    with pytest.raises(BadLakefile, match=r"lakefile.toml is no"):
        read_lakefile(tmp_path / "lakefile.toml")
    assert "is no" in project_of(tmp_path).unread[0]


def test_modules_are_found_below_the_source_folders(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "lakefile.toml": TOML,
            "lean-toolchain": "leanprover/lean4:v4.27.0\n",
            "src/Toy.lean": "",
            "src/Toy/Basic.lean": "",
            "src/Other.lean": "",
            "src/Toy/.hidden/X.lean": "",
        },
    )
    project = project_of(tmp_path / "src" / "Toy" / "Basic.lean")
    assert project.root == tmp_path
    assert project.toolchain == "leanprover/lean4:v4.27.0"
    assert [*project.modules()] == ["Toy", "Toy.Basic"]
    found = project.find("Toy.Basic")
    assert found is not None and found[1].options["maxHeartbeats"] == 5
    assert project.module_of(tmp_path / "src" / "Toy" / "Basic.lean") == "Toy.Basic"
    assert project.module_of(tmp_path / "scratch.lean") is None
    assert project.find("Toy.Missing") is None
    assert project.find("..Toy") is None


def test_packages_come_from_the_manifest(tmp_path: Path) -> None:
    manifest = {
        "version": "1.1.0",
        "packagesDir": "deps",
        "packages": [
            {"name": "far", "type": "git", "subDir": "lean"},
            {"name": "near", "type": "path", "dir": "../near"},
        ],
    }
    project = lay(
        tmp_path / "mine",
        {
            "lakefile.toml": 'name = "mine"\n[[lean_lib]]\nname = "Mine"\n',
            "lake-manifest.json": json.dumps(manifest),
            "deps/far/lean/Far.lean": "",
            "deps/far/lean/lakefile.toml": '[[lean_lib]]\nname = "Far"\n',
        },
    )
    lay(tmp_path / "near", {"Near.lean": "", "lakefile.lean": "package near\nlean_lib Near\n"})
    found = project_of(project)
    far, near = found.find("Far"), found.find("Near")
    assert far is not None and far[0] == project / "deps/far/lean/Far.lean" and not far[1].own
    assert near is not None and near[0] == tmp_path / "near" / "Near.lean" and near[1].package == "near"


def test_without_a_manifest_the_packages_are_those_that_are_there(tmp_path: Path) -> None:
    lay(tmp_path, {"lakefile.toml": "", ".lake/packages/batteries/Batteries/Data.lean": ""})
    found = project_of(tmp_path).find("Batteries.Data")
    assert found is not None and found[1].package == "batteries"


@pytest.mark.parametrize("text", ["{", "[]", '{"packages": [{}]}', "[" * 100_000])
def test_a_broken_manifest_is_named(tmp_path: Path, text: str) -> None:
    lay(tmp_path, {"lakefile.toml": "", "lake-manifest.json": text})
    assert "lake-manifest.json could not be read" in project_of(tmp_path).unread[0]


def test_a_plain_folder_is_a_project_from_where_its_imports_resolve(tmp_path: Path) -> None:
    lay(tmp_path, {"Course/Week1.lean": "", "Course/Week2.lean": "import Course.Week1\n"})
    project = project_of(tmp_path / "Course" / "Week2.lean")
    assert project.root == tmp_path
    assert [*project.modules()] == ["Course.Week1", "Course.Week2"]
    assert project_of(tmp_path / "Course" / "Week1.lean").root == tmp_path / "Course"
