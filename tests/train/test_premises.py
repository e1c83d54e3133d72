"""A traced repository in LeanDojo's format, small and made by hand, as data for training and as a library."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stepprove.agent.models.library import BadLibrary, Library, words
from stepprove.agent.models.problem import Problem
from stepprove.agent.models.refine import RefineOptions, task
from stepprove.cli.main import status
from stepprove.train.data.premises import BadTrace, CannotTrace, extract, steps

TRACED = Path(__file__).parent / "traced"
FROG = "Pond/Frog.lean"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command line in this process; its exit code."""

    def called(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["stepprove", *map(str, arguments)])
        return status()

    return called


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.read(TRACED / "corpus.jsonl")


def test_premises_without_a_name_are_left_out(library: Library) -> None:
    names = [one.name for one in library.premises]
    assert "Pond.double_add" in names
    assert len(names) == 9
    assert not any(name is None or name.startswith("[") for name in names)


def test_names_are_compared_by_their_parts() -> None:
    assert words("Nat.mul_le_mul addLeftCancel (h : 2 ∣ n)") == [
        *("nat", "mul", "le", "mul", "add", "left", "cancel", "h", "2", "∣", "n")
    ]


def test_what_a_theorem_can_use_stands_before_it_or_is_imported(library: Library) -> None:
    usable = [one.name for one in library.premises if library.usable(one, FROG, (7, 1))]
    assert usable == ["id", "And.comm", "Pond.double", "Pond.double_add", "Pond.double_even", "Pond.quad"]


def test_the_premise_that_a_goal_needs_comes_first(library: Library) -> None:
    found = library.near("n : Nat\n⊢ 2 ∣ double (double n)", 2, lambda one: True)
    assert found[0].name == "Pond.double_even"
    assert library.near("zebra", 2, lambda one: True) == []


def test_only_what_a_text_imports_is_found(library: Library) -> None:
    assert library.imported_by("import Pond.Frog") >= {"Pond/Frog.lean", "Pond/Basic.lean"}
    assert "Pond/Unrelated.lean" not in library.imported_by("import Pond.Frog")
    assert "Pond/Unrelated.lean" in library.imported_by("import Pond")  # the root stands for all below it
    assert library.imported_by("import Mathlib") == frozenset()


def test_a_model_is_shown_premises_of_what_the_problem_imports(library: Library) -> None:
    theorem = "theorem t (n : Nat) : 2 ∣ double n := by sorry"
    options = RefineOptions(library=library, premises=1)
    said = task(Problem("import Pond.Basic", theorem, "t"), options)
    assert "-- Pond.double_even\ntheorem double_even (n : Nat) : 2 ∣ double n" in said
    assert "double_even" not in task(Problem("", theorem, "t"), options)


def test_tactics_come_with_the_premises_that_they_name(library: Library) -> None:
    first, second = steps(TRACED / "random" / "train.json", library)
    assert (first.tactic, [one.name for one in first.used]) == ("unfold quad", ["Pond.quad"])
    assert [one.name for one in second.used] == ["Pond.double_add"]
    (only,) = steps(TRACED / "random" / "test.json", library)  # a tactic that only focuses a goal is left out
    assert {one.name for one in only.used} == {"Pond.double_even", "Pond.double"}


def test_the_data_of_a_traced_repository(tmp_path: Path) -> None:
    found = extract(TRACED, tmp_path, shown=1)
    assert (found["train"].theorems, found["train"].tactics, found["train"].with_premises) == (1, 2, 2)
    assert found["test"].reachable == 1.0
    assert found["test"].recall[1] == 0.5 and found["test"].recall[10] == 1.0
    (row,) = [json.loads(line) for line in (tmp_path / "test.jsonl").read_text().splitlines()]
    assert row["completion"] == "exact double_even (double n)"
    assert row["prompt"] == (
        "theorem double_even (n : Nat) : 2 ∣ double n\n\nn : Nat\n⊢ 2 ∣ double (double n)\n\nTactic:\n"
    )
    assert Library.read(tmp_path / "corpus.jsonl").premises


def test_a_folder_that_is_no_trace_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match=r"neither a traced repository \(it has no corpus.jsonl\) nor a Lake"):
        extract(tmp_path, tmp_path / "out")
    (tmp_path / "corpus.jsonl").write_text('{"path": 3}\n')
    with pytest.raises(BadLibrary, match="line 1: no file of a traced repository"):
        extract(tmp_path, tmp_path / "out")
    shutil.copy(TRACED / "corpus.jsonl", tmp_path / "corpus.jsonl")
    with pytest.raises(BadTrace, match=r"holds none of train.json, val.json and test.json"):
        extract(tmp_path, tmp_path / "out")
    for name in ("random", "novel_premises"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.json").write_text("{}" if name == "random" else "[{}]")
    with pytest.raises(BadTrace, match=r"say which with --split \(novel_premises, random\)"):
        extract(tmp_path, tmp_path / "out")
    with pytest.raises(BadTrace, match="holds no theorems of a traced repository"):
        extract(tmp_path, tmp_path / "out", split="novel_premises")


def test_a_project_that_is_not_traced_needs_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]
) -> None:
    (tmp_path / "lakefile.toml").write_text('name = "pond"\n')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotTrace, match=r"needs `lake`, which is not on the PATH"):
        extract(tmp_path, tmp_path / "out")
    assert run("train", "premises", tmp_path, "-o", tmp_path / "out") == 3


def test_the_command_writes_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    assert run("train", "premises", TRACED, "-o", tmp_path) == 0
    assert (
        "test: 1 theorems, 1 tactics, 1 with premises; BM25's recall 50.0 % at 1" in capsys.readouterr().out
    )
