"""`stepprove prove` and `check` as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepprove.cli.main import status
from stepprove.lean_project.engines.embedded.install import cache_directory
from stepprove.lean_project.engines.engine import Engine

ONE = "theorem a : 1 + 1 = 2 := by sorry\n"
HOPELESS = "opaque P : Nat → Prop\ntheorem b : P 3 := by sorry\ntheorem c : P 4 := by sorry\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of a command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["stepprove", *map(str, arguments)])
    return status()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.lean"
    path.write_text(ONE)
    return path


def test_the_file_is_written_beside_the_original(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "prove", file, "--fresh") == 0
    assert file.read_text() == ONE
    assert file.with_suffix(".proved.lean").read_text() == ONE.replace("sorry", "rfl")


def test_json_is_one_document_and_has_the_exit_code(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("theorem a : 1 + 1 = 2 := by sorry\ndef n : Nat := sorry\n")
    assert run(monkeypatch, "prove", file, "--json", "--in-place") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 1
    assert [hole["outcome"] for hole in document["holes"]] == ["proved", "failed"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["prove", "none.lean"], 2, "none.lean does not exist", id="no file"),
        pytest.param(["prove", "."], 2, "is a directory", id="directory"),
        pytest.param(["prove", "empty.lean"], 2, "is empty", id="empty"),
        pytest.param(["prove", "bytes.lean"], 2, "is not UTF-8", id="not UTF-8"),
        pytest.param(["prove", "mathlib.lean"], 3, "imports Mathlib", id="Mathlib"),
        pytest.param(["prove", "one.lean", "--time-limit", "0"], 2, "above 0, not 0", id="no time"),
        pytest.param(["prove", "one.lean", "--time-limit", "nan"], 2, "above 0, not nan", id="no number"),
        pytest.param(["prove", "one.lean", "-o", "/dev/null"], 2, "not a regular file", id="device"),
        pytest.param(["prove", "one.lean", "-o", "no/out.lean"], 2, "cannot be written", id="no directory"),
        pytest.param(["prove", "one.lean", "-o", "x", "--in-place"], 2, "exclude each other", id="both"),
        pytest.param(["check", "none.lean"], 2, "none.lean does not exist", id="check"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_bad_input_gets_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
    form: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.lean").write_text(ONE)
    (tmp_path / "empty.lean").write_bytes(b"")
    (tmp_path / "bytes.lean").write_bytes(b"\xff\xfe")
    (tmp_path / "mathlib.lean").write_text("import Mathlib\n" + ONE)
    assert run(monkeypatch, *arguments, "--engine", "embedded", *form) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.startswith("stepprove: ")
    assert captured.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "bytes.lean",
        "empty.lean",
        "mathlib.lean",
        "one.lean",
    ]


def children(process: int) -> list[int]:
    """The processes that a process started, as far as they run."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return [int(number) for path in listed for number in path.read_text().split()]


def test_ctrl_c_writes_what_is_proved_and_leaves_no_process(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "slow.lean"
    file.write_text(ONE + HOPELESS)
    cache = tmp_path / "cache"  # of proofs found before: none, and the first one found is seen there
    cache.mkdir()
    (cache / "embedded").symlink_to(cache_directory() / "embedded")  # where `engine` is
    command = [sys.executable, "-c", "from stepprove.cli.start import run; run()", "prove", str(file)]
    with subprocess.Popen(
        [*command, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "STEPPROVE_CACHE": str(cache)},
    ) as process:
        deadline = time.monotonic() + 240
        while not list(cache.glob("proofs/*/*.json")) or len(children(process.pid)) < 2:
            assert time.monotonic() < deadline, "it proves nothing"
            time.sleep(0.1)
        leans = children(process.pid)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=240)
    assert process.returncode == 130
    assert json.loads(printed)["exit_code"] == 130
    assert b"Traceback" not in said
    assert "rfl" in file.with_suffix(".proved.lean").read_text()
    assert not any(Path(f"/proc/{lean}/exe").exists() for lean in leans)
