"""The whole way: a model trained here, a server process of it, `stepprove prove`, Lean, the gate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from micro import THEOREM

STEPPROVE = [sys.executable, "-c", "from stepprove.cli.start import run; run()"]


@pytest.fixture(scope="module")
def served(models: Path) -> Iterator[str]:
    """The `--model` form of a server that `stepprove serve` runs."""
    process = subprocess.Popen(
        [*STEPPROVE, "serve", str(models / "tiny"), "--json", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(models)},
    )
    assert process.stdout is not None
    said = ""
    while True:  # the document may have several lines
        said += process.stdout.readline()
        try:
            ready = json.loads(said)
            break
        except ValueError:
            assert process.poll() is None, said
    yield ready["model"]
    process.send_signal(signal.SIGINT)
    process.wait(30)


def prove(folder: Path, *words: str, **environment: str) -> dict[str, Any]:
    file = folder / "file.lean"
    file.write_text(THEOREM.source())
    run = subprocess.run(
        [*STEPPROVE, "prove", str(file), "--policy", "model", "--json", "--fresh", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder), **environment},
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_served_model_proves_a_hole_after_lean_turned_its_first_sketch_down(
    served: str, tmp_path: Path
) -> None:
    found = prove(tmp_path, "--model", served, "--style", "tir", "--attempts", "2")
    (hole,) = found["holes"]
    assert (hole["outcome"], hole["proof"], found["exit_code"]) == ("proved", "omega", 0)
    assert (tmp_path / "file.proved.lean").read_text() == THEOREM.source("omega")
    (trace,) = tmp_path.glob("runs/*/trace.jsonl")
    checks = [json.loads(line) for line in trace.read_text().splitlines()]
    assert [c["clean"] for c in checks if c.get("kind") == "check"][:1] == [False]


def test_the_small_model_is_started_by_its_name(models: Path, tmp_path: Path) -> None:
    found = prove(tmp_path, "--model", "tiny", "--attempts", "2", "--no-trace", STEPPROVE_MODELS=str(models))
    assert found["holes"][0]["outcome"] == "proved"


def test_another_theorem_is_never_proved_by_a_text_that_proves_the_one_it_knows(
    models: Path, tmp_path: Path
) -> None:
    file = tmp_path / "false.lean"
    file.write_text(THEOREM.source().replace("2 * x + 2", "2 * x + 3"))
    run = subprocess.run(
        [*STEPPROVE, "prove", str(file), "--policy", "model", "--model", "tiny", "--json", "--no-trace"],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "STEPPROVE_MODELS": str(models)},
    )
    assert json.loads(run.stdout)["holes"][0]["outcome"] in ("failed", "rejected")
    assert run.returncode == 1
