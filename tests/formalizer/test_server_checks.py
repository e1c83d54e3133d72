"""The formalizer's questions put to a Lean server over HTTP: its answers are those of a pool."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import uvicorn

from stepprove.cli.main import status
from stepprove.formalizer.candidate import Candidate
from stepprove.formalizer.checks import NoLean
from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.equivalence.server_checks import ServerChecks
from stepprove.formalizer.statement import read_statement
from stepprove.lean_project import find_engine
from stepprove.lean_project.server.app import ServerSettings, create_app

POS = {"line": 1, "column": 0}
PLUS = "(n : Nat) : n + 0 = n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(find_engine(), ServerSettings(engines=1, api_key="secret"))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def lean(url: str) -> ServerChecks:
    return ServerChecks(url, timeout=30, key="secret")


def code(claim: str) -> str:
    return f"theorem p {claim} := by sorry"


def test_a_code_is_read_and_looked_at_for_emptiness(lean: ServerChecks) -> None:
    found, verdict = asyncio.run(lean.read(code(PLUS), "", "plus"))
    assert isinstance(found, Candidate) and (found.name, verdict.empty) == ("plus", None)
    _, empty = asyncio.run(lean.read(code("(n : Nat) (h : n < n) : n = 1"), "", None))
    assert empty.contradictory
    _, false = asyncio.run(lean.read(code("(n : Nat) : n < 5"), "", None))
    assert false.refuted
    wrong, _ = asyncio.run(lean.read("theorem p (n : Nat) : n + = n := by sorry", "", None))
    assert isinstance(wrong, str) and wrong.startswith("Line 1")


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (PLUS, "(m : Nat) : m + 0 = m", EquivalenceVerdict.EQUIVALENT),
        (PLUS, ": ∀ m : Nat, m + 0 = m", EquivalenceVerdict.EQUIVALENT),
        (PLUS, "(n : Nat) (h : 3 < n) : n + 0 = n", EquivalenceVerdict.NOT_SHOWN),
        (
            "(a b : Nat) (h : a < b) : a + 2 ≤ b + 1",
            "(a b : Nat) (h : a < b) : a < b + 1",
            EquivalenceVerdict.NOT_SHOWN,
        ),
    ],
)
def test_statements_are_compared_by_what_exact_finds(
    lean: ServerChecks, a: str, b: str, verdict: EquivalenceVerdict
) -> None:
    one, other = read_statement(code(a)), read_statement(code(b))
    assert asyncio.run(lean.same(one, other, "beq")) is verdict


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (f"<think>x</think>```lean4\n{code('(k : Nat) : k + 0 = k')}\n```", "equivalent"),
        (code("(k : Nat) : True"), "not shown"),
        (code("(k : Nat) : k ="), "refused"),
        ("``` ```", "refused"),
    ],
)
def test_answers_are_scored(lean: ServerChecks, answer: str, outcome: str) -> None:
    truth = read_statement(code(PLUS))
    assert asyncio.run(lean.score(answer, truth, "", "beq")).outcome == outcome


def test_a_stage_can_be_checked_by_a_server(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPPROVE_API_KEY", "secret")
    candidates = [code(PLUS), code("(k : Nat) : k + 0 = k"), code(": True")]
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "n + 0 = n", "candidates": candidates}) + "\n")
    config = tmp_path / "c.yaml"
    config.write_text(
        f"output: out\nlean: {{server: '{url}'}}\nknowledge: {{problems: p.jsonl, header: ''}}\n"
    )
    monkeypatch.setattr("sys.argv", ["stepprove", "formalizer", "knowledge", "--config", str(config)])
    assert status() == 0 and "1  kept" in capsys.readouterr().out
    (row,) = (tmp_path / "out/knowledge.jsonl").read_text().splitlines()
    assert json.loads(row)["agreeing"] == 2


def test_what_takes_too_long_is_unknown(url: str) -> None:
    hasty = ServerChecks(url, timeout=1.0, key="secret")
    endless = code(": (have : (List.range 10000000000).length = 1 := by decide +kernel; True)")
    scored = asyncio.run(hasty.score(endless, read_statement(code(PLUS)), "", "beq"))
    assert scored.outcome == "unknown"


class Answers:
    """A Kimina server's results, one after another, whatever is asked."""

    def __init__(self, *responses: dict[str, object]) -> None:
        self.left = list(responses)

    def __call__(self, *args: object, **options: object) -> httpx2.Response:
        result = {"id": "0", "time": 0.1, "response": self.left.pop(0)}
        return httpx2.Response(200, json={"results": [result]})


STATED = {
    "env": 0,
    "sorries": [{"proofState": 0, "pos": POS, "goal": "n : Nat\n⊢ n + 0 = n", "endPos": POS}] * 2,
}
GAVE_UP = {"severity": "error", "pos": POS, "endPos": POS, "data": "(deterministic) timeout at `whnf`"}


@pytest.mark.parametrize("end", [{"env": 0, "messages": [GAVE_UP]}, {"message": "Lean has died."}])
def test_lean_that_gave_up_or_died_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, end: dict[str, object]
) -> None:
    monkeypatch.setattr("httpx2.post", Answers(STATED, *[end] * 2, STATED, *[end] * 2))
    one, other = read_statement(code(PLUS)), read_statement(code("(m : Nat) : m + 0 = m"))
    assert asyncio.run(ServerChecks("http://lean").same(one, other, "beq")) is EquivalenceVerdict.UNKNOWN


def test_a_death_is_no_statement_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx2.post", Answers({"message": "Lean has died."}))
    with pytest.raises(NoLean, match="Lean has died"):
        asyncio.run(ServerChecks("http://lean").read(code(PLUS), "", None))


def test_a_server_that_refuses_or_is_not_there_gives_no_verdict(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoLean, match="answered 401"):
        asyncio.run(ServerChecks(url, key="wrong").read(code(PLUS), "", None))
    monkeypatch.setattr("stepprove.formalizer.equivalence.server_checks._TRIES", 1)
    with pytest.raises(NoLean, match="cannot be reached"):
        asyncio.run(ServerChecks("http://127.0.0.1:9").read(code(PLUS), "", None))
