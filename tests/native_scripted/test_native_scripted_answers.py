"""From a file to its verdict through `lake env repl`: upstream's transcripts, and real Lean that speaks as a plain REPL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import Machine

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.engines.find import find_engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.source.file import parse_source

GOLDEN = Path(__file__).parents[1] / "data" / "repl_golden"


@pytest.fixture
def real(machine: Machine, ready: Path, engine: Engine) -> Path:
    """A file in a Lake project whose REPL is real Lean."""
    machine.add_lean_repl(engine)
    return ready


def transcripts() -> list[Path]:
    return [file for file in sorted(GOLDEN.glob("*.in")) if file.with_suffix(".expected.out").exists()]


@pytest.mark.skipif(not transcripts(), reason="the transcripts are not here")
@pytest.mark.parametrize("file", transcripts(), ids=lambda file: file.stem)
def test_upstreams_answers_come_through(machine: Machine, ready: Path, file: Path) -> None:
    machine.add_golden_repl([GOLDEN])
    requests = [
        json.loads(text)
        for text in file.read_text().replace("\r", "").split("\n\n")
        if text.strip() and not text.startswith(("#", "--"))
    ]
    answers = [
        json.loads(text)
        for text in file.with_suffix(".expected.out").read_text().split("\n\n")
        if text.strip()
    ]
    with Repl(find_engine(ready)) as repl:
        assert [repl.request(request) for request in requests] == answers


def test_a_file_is_proved(
    real: Path, stepprove: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    real.write_text("theorem t : 1 + 1 = 2 := by sorry\n")
    assert stepprove("prove", real, "--engine", "native", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engine"]["kind"] == "native"
    assert "sorry" not in real.with_name("File.proved.lean").read_text()


def test_a_cheat_is_rejected(real: Path, stepprove: Callable[..., int]) -> None:
    candidate = real.with_name("Candidate.lean")
    real.write_text("theorem t : 2 + 2 = 5 := by sorry\n")
    candidate.write_text("axiom a : 2 + 2 = 5\ntheorem t : 2 + 2 = 5 := a\n")
    assert stepprove("verify", real, candidate, "--engine", "native") == 1
    candidate.write_text("theorem t : 2 + 2 = 4 := by rfl\n")
    assert stepprove("verify", real, candidate, "--engine", "native") == 1
    real.write_text("theorem t : 2 + 2 = 4 := by sorry\n")
    assert stepprove("verify", real, candidate, "--engine", "native") == 0


def test_the_pool_serves_native_engines(real: Path) -> None:
    with SyncPool(find_engine(real), size=1, standby=0) as pool:
        original = parse_source("import Std\ntheorem t (n : Nat) : n + 0 = n := by sorry\n")
        good = parse_source("import Std\ntheorem t (n : Nat) : n + 0 = n := rfl\n")
        assert pool.verify(original, good).accepted
        assert not pool.verify(original, original).accepted
        assert pool.check("theorem u : 1 = 2 := rfl").answer.has_errors  # type: ignore[union-attr]
