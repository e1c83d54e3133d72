"""`stepprove autoformalize` as a user runs it: a scripted model, real Lean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_formalizer import ScriptedFormalizer

from stepprove.cli.main import status
from stepprove.formalizer.checks import NoLean, PoolChecks
from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.statement import Statement

ZERO = "theorem my_favorite_theorem (n : Nat) : n + 0 = n := by sorry"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["stepprove", "autoformalize", *arguments])
    return status()


def test_a_problem_is_stated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], formalizer: ScriptedFormalizer
) -> None:
    model = formalizer.play("Kimina-Autoformalizer-7B", [f"```lean4\nimport Mathlib\n{ZERO}\n```"])
    options = ("--model", model, "--name", "zero", "--samples", "2", "--json")
    assert run(monkeypatch, "For all naturals n, n + 0 = n.", *options) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["form"] == "kimina" and document["agreement"] == 1.0
    assert document["statement"] == ZERO.replace("my_favorite_theorem", "zero") + "\n"
    assert formalizer.asked[-1]["n"] == 2


def test_a_file_is_stated_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    formalizer: ScriptedFormalizer,
    tmp_path: Path,
) -> None:
    model = formalizer.play("any", [ZERO])
    problems, out = tmp_path / "problems.jsonl", tmp_path / "out.jsonl"
    problems.write_text(
        '{"problem": "n + 0 = n", "name": "a"}\nbad\n{"problem": "again", "header": "open Nat"}\n'
    )
    options = ("--file", str(problems), "-o", str(out), "--model", model, "--samples", "1")
    assert run(monkeypatch, *options) == 1
    captured = capsys.readouterr()
    assert "line 2: it is no JSON; it is skipped" in captured.err
    assert "2 of 2 problems stated" in captured.out
    statements = [json.loads(line)["result"]["statement"] for line in out.read_text().splitlines()]
    assert statements == [ZERO + "\n", f"open Nat\n\n{ZERO}\n"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give one problem"),
        (("p", "--file", "x.jsonl", "-o", "y.jsonl"), "Give one problem"),
        (("--file", "x.jsonl"), "-o names the file"),
        (("p",), "Name a model"),
        (("p", "--model", "tiny-typo"), "names no model"),
        ((" ", "--model", "openai:x"), "empty"),
        (("p", "--model", "openai:x", "--header", "none.lean"), "none.lean does not exist"),
    ],
)
def test_bad_usage_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_lean_that_cannot_be_asked_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], formalizer: ScriptedFormalizer
) -> None:
    async def gone(self: PoolChecks, a: Statement, b: Statement, method: str) -> EquivalenceVerdict:
        raise NoLean("Lean has gone.")

    monkeypatch.setattr(PoolChecks, "same", gone)
    model = formalizer.play("any", [ZERO, ZERO.replace("n + 0", "0 + n")])
    assert run(monkeypatch, "n plus zero is n", "--model", model, "--samples", "2") == 3
    assert "stepprove: Lean has gone." in capsys.readouterr().err
