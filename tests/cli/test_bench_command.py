"""`stepprove bench generated`: what stands in its way is said in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPPROVE = [sys.executable, "-c", "from stepprove.cli.start import run; run()"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "tiny"], 3, "The small model is not trained yet"),
        (["--model", "nonsense"], 2, "'nonsense' names no model"),
        (["--model", "random", "--log", "/dev/null/log"], 2, "/dev/null"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    log = tmp_path / "log.jsonl"
    run = subprocess.run(
        [*STEPPROVE, "bench", "generated", "--theorems", "2", "--samples", "1", "--log", str(log), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "STEPPROVE_MODELS": str(tmp_path)},
    )
    assert (run.returncode, "Traceback" in run.stderr) == (code, False)
    assert said in run.stderr
