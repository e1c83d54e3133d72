"""`stepprove formalizer` as a user runs it: scripted models, real Lean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted_formalizer import ScriptedFormalizer

from stepprove.cli.main import status
from stepprove.formalizer.dataset.reasoning import PARTS

PLUS = "theorem my_favorite_theorem (n : Nat) : n + 0 = n := by sorry"
TIMES = "theorem my_favorite_theorem (n : Nat) : n * 1 = n := by sorry"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["stepprove", "formalizer", *arguments])
    return status()


def configured(folder: Path, **parts: Any) -> str:
    path = folder / "thinkingf.yaml"
    path.write_text(json.dumps({"output": "out", "lean": {"jobs": 1}, **parts}))  # JSON is YAML
    return str(path)


def test_from_problems_in_words_to_a_dataset(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    formalizer: ScriptedFormalizer,
    tmp_path: Path,
) -> None:
    kimina = formalizer.play("Kimina-Autoformalizer-7B", [f"```lean4\n{PLUS}\n```"])
    parts = "\n".join(f"{number}. {part}: as it is." for number, part in enumerate(PARTS, 1))
    writer = formalizer.play("writer", [f"{parts}\n```lean4\n{PLUS}\n```"])
    (tmp_path / "problems.jsonl").write_text(
        '{"problem": "n plus zero is n", "name": "a"}\nbad\n'
        + json.dumps({"problem": "n times one is n", "candidates": [TIMES]})
        + "\n"
    )
    (tmp_path / "bench.jsonl").write_text(
        json.dumps({"name": "b", "informal_stmt": "n times one is n", "formal_statement": "theorem b : 1 = 1 := by sorry"})
        + "\n"
    )  # fmt: skip
    config = configured(
        tmp_path,
        knowledge={"problems": "problems.jsonl", "model": kimina, "header": "", "samples": 2},
        reasoning={"model": writer, "tries": 1},
        build={"benchmarks": {"minif2f": str(tmp_path / "bench.jsonl")}, "dev_share": 0},
    )
    assert run(monkeypatch, "knowledge", "--config", config) == 0
    captured = capsys.readouterr()
    assert "line 2: it is no JSON" in captured.err and "2  kept" in captured.out
    assert run(monkeypatch, "reasoning", "--config", config, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {
        "kept": 1,
        "its statement is not shown to say the same": 1,
    }
    assert run(monkeypatch, "build", "--config", config) == 0
    told = capsys.readouterr().out
    assert "knowledge: 2 records, 1 for training" in told and "minif2f (2 problems" in told
    (row,) = (tmp_path / "out/dataset/data/train-reasoning.jsonl").read_text().splitlines()
    assert json.loads(row)["formal_statement"] == PLUS


def test_no_answer_is_left_for_the_next_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "problems.jsonl").write_text(json.dumps({"problem": "p", "candidates": [PLUS]}) + "\n")
    config = configured(tmp_path, knowledge={"problems": "problems.jsonl", "header": "import Nowhere"})
    assert run(monkeypatch, "knowledge", "--config", config) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "1 without an answer, left for the next run (the header does not elaborate" in told


@pytest.mark.parametrize(
    ("text", "exit_code", "said"),
    [
        ("output: out\nknowlege: {}", 2, "knowlege"),
        ("output: [", 2, "is not YAML"),
        ("knowledge: {}", 2, "output: Field required"),
        ("output: out", 2, "has no part `knowledge`"),
        ("output: out\nknowledge: {problems: none.jsonl, header: ''}", 2, "No such file"),
        ("output: out\nknowledge: {problems: p.jsonl}", 3, "The header imports Mathlib"),
    ],
)
def test_a_bad_configuration_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str,
    exit_code: int,
    said: str,
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert run(monkeypatch, "knowledge", "--config", str(path)) == exit_code
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_there_must_be_something_to_build_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "build", "--config", configured(tmp_path)) == 2
    assert "nothing to build from" in capsys.readouterr().err
