"""`stepprove verify` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepprove.cli.main import status

ORIGINAL = "theorem add (a b : Nat) : a + b = b + a := by sorry\n"


def verify(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["stepprove", "verify", *arguments])
    return status()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "original.lean").write_text(ORIGINAL)
    (tmp_path / "good.lean").write_text(ORIGINAL.replace("sorry", "omega"))
    (tmp_path / "bad.lean").write_text("axiom a : 1 = 2\n" + ORIGINAL.replace("sorry", "omega"))
    (tmp_path / "more.lean").write_text("theorem more : 1 = 1 := rfl\n" + ORIGINAL.replace("sorry", "omega"))
    native = "theorem native : 2 ^ 10 = 1024 := by native_decide\n"
    (tmp_path / "native.lean").write_text(native + ORIGINAL.replace("sorry", "have := native; omega"))
    (tmp_path / "folder.lean").mkdir()
    (tmp_path / "empty.lean").write_text("\n")
    (tmp_path / "binary.lean").write_bytes(b"theorem \xff\xfe")
    (tmp_path / "broken.lean").write_text("theorem t : := sorry\n")
    return tmp_path


@pytest.mark.parametrize(
    ("original", "candidate", "options", "code", "said"),
    [
        ("original", "good", (), 0, "accepted"),
        ("original", "good", ("--audit",), 0, "accepted"),
        ("original", "bad", (), 1, "axiom `a`"),
        ("original", "original", (), 1, "rests on `sorry`"),
        ("broken", "good", (), 2, "errors of its own"),
        ("original", "nowhere", (), 2, "nowhere.lean"),
        ("original", "empty", (), 1, "empty.lean is empty"),
        ("original", "binary", (), 1, "is not UTF-8 text"),
        ("empty", "good", (), 2, "empty.lean is empty"),
        ("original", "good", ("--audit", "--allow-native-decide"), 2, "exclude each other"),
        ("original", "good", ("--theorem", "add"), 0, "accepted"),
        ("original", "more", ("--theorem", "more"), 2, "original.lean does not declare `more`"),
        ("original", "native", (), 1, "rests on axiom `Lean.ofReduceBool`"),
        ("original", "native", ("--allow-native-decide",), 0, "axioms: Lean.ofReduceBool"),
        ("original", "folder", (), 2, "is a directory"),
    ],
)
def test_the_exit_code_says_what_became_of_it(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    original: str,
    candidate: str,
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    arguments = [str(files / f"{original}.lean"), str(files / f"{candidate}.lean"), *options]
    assert verify(monkeypatch, *arguments) == code
    printed = capsys.readouterr()
    assert said in (printed.out + printed.err).replace("\n", " ")


def test_json_holds_the_verdict_of_each_declaration(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(monkeypatch, str(files / "original.lean"), str(files / "good.lean"), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["accepted"] is True
    assert [v["name"] for v in document["verdicts"]] == ["add"]
    assert document["exit_code"] == 0
