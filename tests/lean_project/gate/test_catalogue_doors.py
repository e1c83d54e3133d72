"""The whole catalogue of cheats through every door at which something is called proved: none gets through any of them.

`verify` and `check` are in test_attacks.py, rewards in tests/train/test_rewards.py. The honest catalogue passes the same doors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import judge
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.server.app import ServerSettings, create_app
from stepprove.lean_project.source.file import SourceFile, parse_source
from stepprove.outcome import Outcome

TESTS = Path(__file__).parents[2] / "data"
EXPECTED = {p.parent.name: json.loads(p.read_text()) for p in sorted(TESTS.glob("attacks/*/expected.json"))}
CHEATS = [name for name, expected in EXPECTED.items() if not expected.get("bomb")]
HONEST = sorted(p.name for p in TESTS.glob("honest/*"))
AFTER_ALL = {"original_already_proved"}
"""Honest, but with nothing open for those doors that ask about what was."""


def pair(kind: str, name: str) -> tuple[SourceFile, SourceFile]:
    original, candidate = (
        parse_source((TESTS / kind / name / f"{f}.lean").read_bytes().decode())
        for f in ("original", "candidate")
    )
    return original, candidate


@pytest.fixture(scope="module")
def lent(engine: Engine) -> Iterator[SyncPool]:
    with SyncPool(engine, size=1, timeout=60) as pool:
        yield pool


@pytest.fixture(scope="module")
def web(engine: Engine) -> Iterator[TestClient]:
    with TestClient(
        create_app(engine, ServerSettings(engines=1, time_limit=60)), base_url="http://localhost"
    ) as web:
        yield web


def served(web: TestClient, original: SourceFile, candidate: SourceFile) -> str:
    snippet = {"id": "a", "code": candidate.text, "original": original.text}
    reply = web.post("/api/check", json={"snippets": [snippet], "timeout": 60})
    (result,) = reply.json()["results"]
    return str(result["verdict"]["outcome"] if result["verdict"] else result["outcome"])


SHORT = ("reduce_bool_outright", "eval_env", "elab_add_decl", "sorry_macro", "redefine_deep", "export_init")
"""One of each kind, for the doors that the default run tries."""


@pytest.mark.parametrize("name", [name for name in SHORT if name in EXPECTED])
def test_a_cheat_of_each_kind_gets_through_no_door(lent: SyncPool, web: TestClient, name: str) -> None:
    original, candidate = pair("attacks", name)
    assert lent.verify(original, candidate).outcome is not Outcome.PROVED
    assert served(web, original, candidate) != "proved"


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_gets_through_the_pool(lent: SyncPool, name: str) -> None:
    assert lent.verify(*pair("attacks", name)).outcome is not Outcome.PROVED


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_gets_through_the_server(web: TestClient, name: str) -> None:
    assert served(web, *pair("attacks", name)) != "proved"


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_gets_past_the_gate_called_directly(repl: Repl, name: str) -> None:
    original, candidate = pair("attacks", name)
    assert not judge(repl, original.text, candidate.text, timeout=60).accepted


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_gets_through_the_audit(repl: Repl, engine: Engine, name: str) -> None:
    assert not verify(repl, *pair("attacks", name), auditor=engine, timeout=60).accepted


@pytest.mark.nightly
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_file_passes_the_pool_and_the_server(lent: SyncPool, web: TestClient, name: str) -> None:
    original, candidate = pair("honest", name)
    judgement = lent.verify(original, candidate)
    assert judgement.accepted, judgement.reason
    assert served(web, original, candidate) == "proved"


@pytest.mark.nightly
@pytest.mark.timeout(2400)
def test_no_cheat_scores(tmp_path: Path) -> None:
    statements, samples = tmp_path / "statements", tmp_path / "samples.jsonl"
    statements.mkdir()
    lines = []
    for name in CHEATS:
        original, candidate = pair("attacks", name)
        holed = [d.full_name for d in original.declarations if d.holes and d.full_name]
        if len(holed) == 1:
            (statements / f"{name}.lean").write_text(original.text)
            lines.append(json.dumps({"name": name, "code": candidate.text}))
    assert len(lines) > 100
    samples.write_text("\n".join(lines))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "stepprove", "eval", "score", str(samples), "--benchmark", "minif2f"),
            *("--path", str(statements), "--log-dir", str(tmp_path / "runs"), "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=2300,
    )
    report = json.loads(done.stdout)
    assert "proved" not in json.dumps(report.get("outcomes", {})), done.stderr
