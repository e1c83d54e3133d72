"""The source package and the wheel hold the whole package: the links at the top level hide none of it."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
LINKS = ("agent", "cli", "eval", "formalizer", "lean_project", "train")


def files(folder: str) -> set[str]:
    """The files of a folder of the project, from the project's root, without what running leaves there."""
    found = (
        path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return {str(path.relative_to(ROOT)) for path in found}


@pytest.mark.skipif(not (ROOT / "agent").is_symlink(), reason="no links here: a source package, or Windows")
def test_the_links_are_those_of_the_rooms() -> None:
    assert all((ROOT / name).resolve() == ROOT / "stepprove" / name for name in LINKS)


def test_the_source_package_holds_all_code_and_all_tests(tmp_path: Path) -> None:
    (built,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(built) as package:
        names = {name.partition("/")[2] for name in package.getnames()}
    assert files("stepprove") <= names
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")} <= names
    assert not [name for name in names if name.partition("/")[0] in LINKS]


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as package:
        names = {name for name in package.namelist() if ".dist-info/" not in name}
    assert names == files("stepprove")
