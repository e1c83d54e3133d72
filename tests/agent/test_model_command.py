"""`stepprove prove --model` as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.trace.trace import find_trace, read_trace
from stepprove.cli.main import status

STATED = (
    "theorem t (P : Nat → Prop) (p : ∀ n, P (n * n + 41)) : ∃ k, P (k + 41) ∧ k % 1000003 = 670987 := by\n"
)
HARD = f"{STATED}  sorry\n"
ANSWER = f"</think>\n```lean4\n{STATED}  exact ⟨4321 * 4321, p 4321, by decide⟩\n```"
QUICK = ["--policy", "model", "--style", "tir", "--attempts", "1", "--fresh"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hard.lean"
    path.write_text(HARD)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["stepprove", *map(str, arguments)])
    return status()


def test_a_run_with_a_model_says_what_it_took_and_leaves_a_trace(
    file: Path, prover: ScriptedProver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    form = prover.play("k-good", [f"<sketch>{STATED}  sorry</sketch>", ANSWER])
    assert run(monkeypatch, "prove", file, "--model", form, *QUICK, "--price", "1,2", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["policy"], document["model"]) == ("model", form)
    usage = document["usage"]
    assert document["dollars"] == pytest.approx(
        (usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1e6
    )
    records = list(read_trace(Path(document["trace"])))
    assert records[0]["kind"] == "run" and records[0]["text"] == HARD
    assert (
        records[-1]["kind"] == "end" and records[-1]["text"] == file.with_suffix(".proved.lean").read_text()
    )


def test_a_model_that_fails_is_infrastructure(
    file: Path, prover: ScriptedProver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    form = prover.play("k-garbage", garbage=True)
    assert run(monkeypatch, "prove", file, "--model", form, *QUICK, "--no-trace", "--json") == 3
    assert json.loads(capsys.readouterr().out)["holes"][0]["outcome"] == "infrastructure"
    assert not (file.parent / "runs").exists()
    assert file.with_suffix(".proved.lean").read_text() == HARD


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policy", "auto"], "needs a model"),
        (["--model", "tiny", "--policy", "portfolio"], "asks no model"),
        (["--model", "nothing"], "names no model"),
        (["--model", "tiny", "--dollars", "1"], "needs --price"),
        (["--model", "tiny", "--dollars", "0", "--price", "1,1"], "above 0"),
        (["--model", "tiny", "--price", "much"], "two numbers"),
        (["--model", "tiny", "--trace", "x", "--no-trace"], "exclude each other"),
        (["--model", "tiny", "--trace", "/dev/null/x"], "another place with --trace"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    file: Path,
    options: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "prove", file, *options) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def started(file: Path, form: str) -> tuple[subprocess.Popen[str], Path]:
    """A run in a process of its own, once its model has been asked, and its trace."""
    program = "from stepprove.cli.start import run; run()"
    command = [sys.executable, "-c", program, "prove", str(file), "--model", form, *QUICK]
    process = subprocess.Popen(
        command, cwd=file.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        for folder in (file.parent / "runs").glob("*"):
            if any(record["kind"] == "check" for record in read_trace(find_trace(folder))):
                return process, find_trace(folder)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.nightly)])
def test_a_run_that_is_ended_early_keeps_its_trace(
    file: Path, prover: ScriptedProver, number: signal.Signals
) -> None:
    name = f"k-{number.name}"
    form = prover.play(name)
    sketch = f"<sketch>{STATED}  sorry</sketch>"
    prover.scripts[name] = lambda body: (ANSWER, 60.0) if "\n</REPL>" in body["prompt"] else (sketch, 0.0)
    process, trace = started(file, form)
    os.kill(process.pid, number)
    process.communicate(timeout=240)
    kinds = [record["kind"] for record in read_trace(trace)]
    assert kinds[:5] == ["run", "hole", "attempt", "turn", "check"]
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert kinds[-1] == "end"
        assert file.with_suffix(".proved.lean").read_text() == HARD
    else:
        assert process.returncode == -signal.SIGKILL
        assert "end" not in kinds
