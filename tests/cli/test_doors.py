"""Whatever stands where a file should be: one clear sentence, and exit code 2."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import orjson
import pytest

from stepprove.agent.trace.trace import FILE_NAME
from stepprove.cli import main
from stepprove.cli.main import status

GOOD = "theorem t : 1 = 1 := by sorry\n"
KINDS = ["empty", "huge", "bytes", "nul", "pipe", "folder", "missing", "nested", "digits"]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for ending in ("lean", "jsonl", "eval", "trace"):
        (tmp_path / f"empty.{ending}").write_bytes(b"")
        (tmp_path / f"bytes.{ending}").write_bytes(b"theorem \xff\xfe\n")
        (tmp_path / f"nul.{ending}").write_bytes(b"theorem t\0 : 1 = 1 := by sorry\n")
        os.mkfifo(tmp_path / f"pipe.{ending}")
        (tmp_path / f"folder.{ending}").mkdir()
        with (tmp_path / f"huge.{ending}").open("wb") as file:  # 100 MB, of which the disk keeps a few
            file.write(b"theorem ")
            file.truncate(100_000_000)
        (tmp_path / f"nested.{ending}").write_bytes(b"[" * 200_000)
        (tmp_path / f"digits.{ending}").write_bytes(b"9" * 5000)
    (tmp_path / "good.lean").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


DOORS = {
    "prove": ("prove", "FILE.lean"),
    "check": ("check", "FILE.lean"),
    "verify original": ("verify", "FILE.lean", "good.lean"),
    "equivalent": ("equivalent", "good.lean", "FILE.lean"),
    "autoformalize": ("autoformalize", "--file", "FILE.jsonl", "--model", "tiny", "-o", "out.jsonl"),
    "header": ("autoformalize", "a problem", "--header", "FILE.lean", "--model", "tiny"),
    "trace show": ("trace", "show", "FILE.trace"),
    "trace html": ("trace", "html", "FILE.trace"),
    "report": ("eval", "report", "FILE.eval"),
    "score a log": ("eval", "score", "FILE.eval"),
    "score": ("eval", "score", "FILE.jsonl", "--benchmark", "minif2f", "--path", "good.lean"),
    "problems": ("eval", "run", "minif2f", "--path", "FILE.jsonl"),
    "library": ("prove", "good.lean", "--model", "tiny", "--library", "FILE.jsonl"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.timeout(60)
def test_what_is_no_file_gets_one_sentence(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], door: str, kind: str
) -> None:
    if kind in ("nested", "digits") and "FILE.lean" in DOORS[door]:
        pytest.skip("that is a text, and Lean says what is wrong with it")
    before = sorted(room.iterdir())
    monkeypatch.setattr(sys, "argv", ["stepprove", *(part.replace("FILE", kind) for part in DOORS[door])])

    code = status()

    said = capsys.readouterr()
    assert code == 2, said
    assert said.out == ""
    assert said.err.startswith("stepprove: ") and said.err.count("\n") == 1
    assert kind in said.err
    assert sorted(room.iterdir()) == before


def test_a_file_that_may_not_be_read_is_said_to_be_so(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "good.lean").chmod(0)
    if os.access(room / "good.lean", os.R_OK):
        pytest.skip("root may read everything")
    for command in ("prove", "check"):
        monkeypatch.setattr(sys, "argv", ["stepprove", command, "good.lean"])
        assert status() == 2
        assert "permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "html"])
@pytest.mark.parametrize(
    "record",
    [
        {"kind": "hole", "hole": 0},
        {"kind": "hole", "hole": [1]},
        {"kind": "hole", "hole": 0, "line": 1, "outcome": 3, "declaration": {}},
        {"kind": "graph", "hole": 0, "nodes": "none", "edges": 7},
        {"kind": "graph", "hole": 0, "nodes": [{"kind": "goal"}, {}], "edges": [[0, 9]]},
        {"kind": "end", "seconds": "long", "dollars": {}},
        {"kind": "run", "engine": 4},
    ],
)
def test_a_damaged_trace_is_said_to_be_one(
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record: object,
    command: str,
) -> None:
    whole = [{"kind": "run"}, {"kind": "hole", "hole": 0, "line": 1}, record]
    (room / FILE_NAME).write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in whole))
    monkeypatch.setattr(sys, "argv", ["stepprove", "trace", command, str(room)])

    code = status()

    said = capsys.readouterr()
    assert code in (0, 2)
    assert code == 0 or "damaged" in said.err
    assert "Traceback" not in said.err and "error of StepProve" not in said.err


def test_an_exception_of_ours_ends_a_command_in_a_sentence(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise OverflowError("int too large \x1b[31m")

    monkeypatch.setattr(main, "app", fails)

    assert status() == 3
    said = capsys.readouterr().err
    assert said.startswith("stepprove: An error of StepProve itself: OverflowError(")
    assert "\x1b" not in said and "STEPPROVE_LOG" in said


def test_the_log_has_the_traceback(room: Path) -> None:
    script = (
        "from stepprove.cli import main\n"
        "from stepprove.faults import fault_told\n"
        "def app(**_):\n"
        "    try:\n"
        "        raise ValueError('first \\x1b[31m')\n"
        "    except ValueError as fault:\n"
        "        fault_told(fault, 'line 3')\n"
        "    raise OverflowError('second')\n"
        "main.app = app\n"
        "raise SystemExit(main.status())\n"
    )
    log = room / "stepprove.log"
    code = os.spawnve(
        os.P_WAIT, sys.executable, [sys.executable, "-c", script], {**os.environ, "STEPPROVE_LOG": str(log)}
    )

    assert code == 3
    text = log.read_text()
    assert text.count("Traceback") == 2 and "line 3" in text and "second" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("in_place", [True, False])
def test_an_output_that_cannot_be_written_costs_no_proof(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_place: bool
) -> None:
    """The disk is full by the time that the proofs are there."""

    def full(*_: object, **__: object) -> None:
        from stepprove.files.output_file import OutputError

        raise OutputError("good.lean cannot be written: the disk is full.")

    monkeypatch.setattr("stepprove.cli.prove.output.write_output", full)
    monkeypatch.setattr(
        sys, "argv", ["stepprove", "prove", "good.lean", *(["--in-place"] if in_place else [])]
    )

    assert status() == 3

    said = capsys.readouterr()
    assert "\n      rfl\n" in said.out
    assert "the disk is full. The proofs are shown above; name another place with -o OUT." in said.err
    assert (room / "good.lean").read_text() == GOOD


def test_edits_of_others_are_left_alone(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stepprove.cli.prove import run as prove_run

    original = prove_run.prove_source

    def meanwhile(*arguments: object, **named: object) -> object:
        report = original(*arguments, **named)  # type: ignore[arg-type]
        (room / "good.lean").write_text("-- mine\n")
        return report

    monkeypatch.setattr(prove_run, "prove_source", meanwhile)
    monkeypatch.setattr(sys, "argv", ["stepprove", "prove", "good.lean", "--in-place", "--json"])

    assert status() == 2

    said = capsys.readouterr()
    assert (room / "good.lean").read_text() == "-- mine\n"
    assert (room / "good.proved.lean").read_text() == GOOD.replace("sorry", "rfl")
    assert "was changed meanwhile" in said.err
    assert json.loads(said.out)["output"] == "good.proved.lean"


def test_in_place_through_a_link_keeps_the_link(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "link.lean").symlink_to("good.lean")
    os.link(room / "good.lean", room / "hard.lean")
    monkeypatch.setattr(sys, "argv", ["stepprove", "prove", "link.lean", "--in-place"])

    assert status() == 0

    assert (room / "link.lean").is_symlink()
    assert (room / "hard.lean").read_text() == GOOD.replace("sorry", "rfl")


def test_nothing_is_written_when_nothing_was_proved(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "hard.lean").write_text("opaque P : Prop\ntheorem t : P := by sorry\n")
    os.utime(room / "hard.lean", ns=(1, 1))
    monkeypatch.setattr(sys, "argv", ["stepprove", "prove", "hard.lean", "--in-place", "--time-limit", "2"])

    assert status() == 1

    assert (room / "hard.lean").stat().st_mtime_ns == 1
    assert "Nothing to write" in capsys.readouterr().out


def test_an_output_that_is_a_link_is_refused_at_once(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "secret").write_text("secret")
    (room / "good.proved.lean").symlink_to("secret")
    monkeypatch.setattr(sys, "argv", ["stepprove", "prove", "good.lean"])

    assert status() == 2

    assert "good.proved.lean is a symbolic link, which is not followed" in capsys.readouterr().err
    assert (room / "secret").read_text() == "secret"
