"""`stepprove equivalent` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepprove.cli.main import status

A = "theorem a (n : Nat) (h : n % 2 = 1) : n * n % 8 = 1 := by sorry\n"
B = "theorem b : ∀ k : Nat, 1 = k % 2 → k * k % 8 = 1 := by sorry\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.lean").write_text(A)
    (tmp_path / "b.lean").write_text(B)
    (tmp_path / "weak.lean").write_text(A.replace("% 8", "% 4"))
    (tmp_path / "none.lean").write_text("def f := 1\n")
    (tmp_path / "std.lean").write_text("import Std\n" + A)
    return tmp_path


@pytest.mark.parametrize(
    ("other", "code", "said"),
    [
        ("weak", 1, "not shown equivalent: no step found a proof of B from A"),
        ("none", 2, "none.lean states no theorem"),
        ("std", 2, "imports Std"),
        ("missing", 2, "does not exist"),
    ],
)
def test_the_exit_code_says_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: Path,
    other: str,
    code: int,
    said: str,
) -> None:
    # The one that is weaker is the premise: the direction that fails is tried first.
    pair = ["weak.lean", "a.lean"] if other == "weak" else ["a.lean", f"{other}.lean"]
    arguments = [str(files / name) for name in pair]
    monkeypatch.setattr("sys.argv", ["stepprove", "equivalent", *arguments, "--method", "beq"])
    assert status() == code
    captured = capsys.readouterr()
    assert said in captured.out + captured.err


def test_json_has_both_proofs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    monkeypatch.setattr(
        "sys.argv",
        ["stepprove", "equivalent", str(files / "a.lean"), str(files / "b.lean"), "--method=beq", "--json"],
    )
    assert status() == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "equivalent" and document["exit_code"] == 0
    assert [d["step"] for d in document["directions"]] == ["exact?", "exact?"]
    assert all(d["proof"].startswith("exact ") for d in document["directions"])
