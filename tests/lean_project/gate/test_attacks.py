"""The catalogue of cheats, and of honest files in unusual dress: what the gate says of each.

`tests/data/attacks/NAME` holds an original, a candidate that cheats, and the verdict expected; `tests/data/honest/NAME` an
original and a candidate that must be accepted. `naive` says whether a checker that looks for errors and `sorry` in messages
would accept the cheat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepprove.lean_project import Repl, ReplCrashed
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.gate.gate import Policy
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.source.file import SourceFile, parse_source
from stepprove.outcome import Outcome

TESTS = Path(__file__).parents[2] / "data"
EXPECTED = {p.parent.name: json.loads(p.read_text()) for p in sorted(TESTS.glob("attacks/*/expected.json"))}
BOMBS = [name for name, expected in EXPECTED.items() if expected.get("bomb")]
CHEATS = [name for name in EXPECTED if name not in BOMBS]
UNTRUSTED = [
    name for name in CHEATS if EXPECTED[name]["point"] in {3, 4} and "rejected" in EXPECTED[name]["outcome"]
]
"""What is wrong with them needs no original to be seen."""
HONEST = sorted(p.name for p in TESTS.glob("honest/*"))
PROGRAMS = {"program_beside_proofs", "native_lemma_beside"}
"""The gate takes what the original has; by itself it is out of the kernel's sight."""
ALONE = [name for name in HONEST if name not in PROGRAMS]


def partly_nightly(names: list[str], every: int) -> list[Any]:
    """One of `every` names for the default run, the others for the nightly one."""
    return [
        pytest.param(name, marks=() if place % every == 0 else pytest.mark.nightly)
        for place, name in enumerate(names)
    ]


def pair(kind: str, name: str) -> tuple[SourceFile, SourceFile]:
    """The original and the candidate, byte for byte: a candidate may begin with what makes it no readable file."""
    folder = TESTS / kind / name
    original, candidate = (
        parse_source((folder / f"{f}.lean").read_bytes().decode()) for f in ("original", "candidate")
    )
    return original, candidate


def test_the_catalogue_is_as_large_as_it_should_be() -> None:
    assert len(EXPECTED) >= 60
    assert len(HONEST) >= 40
    assert sum(expected["naive"] for expected in EXPECTED.values()) >= 60


def test_the_byte_order_mark_is_one() -> None:
    for name in ("original", "candidate"):
        assert (TESTS / "honest" / "bom" / f"{name}.lean").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", partly_nightly(CHEATS, 2))
def test_a_cheat_is_turned_away_for_its_reason(repl: Repl, name: str) -> None:
    expected: dict[str, Any] = EXPECTED[name]
    policy = Policy(native_decide=expected.get("native_decide", False))
    judgement = verify(repl, *pair("attacks", name), policy=policy, timeout=60)
    assert judgement.outcome.value in expected["outcome"], judgement.reason
    assert re.search(expected["reason"], judgement.reason or ""), judgement.reason


@pytest.mark.parametrize("name", partly_nightly(UNTRUSTED, 4))
def test_check_says_no_more_of_a_cheat_than_the_gate(repl: Repl, name: str) -> None:
    report = check_source(repl, pair("attacks", name)[1], timeout=60)
    assert not report.passed
    assert all(d.outcome is not Outcome.INFRASTRUCTURE for d in report.declarations)


@pytest.mark.parametrize("name", partly_nightly(ALONE, 4))
def test_an_honest_file_passes_check(repl: Repl, name: str) -> None:
    report = check_source(repl, pair("honest", name)[1], timeout=60)
    assert report.passed, [d for d in report.declarations if d.outcome not in {None, Outcome.PROVED}]


@pytest.fixture(scope="module")
def guarded(engine: Engine) -> Iterator[Repl]:
    """A process of its own, with little memory and a replacement at hand."""
    with Repl(engine, memory_limit_mb=1500, standby=True) as repl:
        repl.command("", timeout=120)
        yield repl


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_never_taken_for_a_proof_and_the_engine_comes_back(guarded: Repl, name: str) -> None:
    judgement = verify(guarded, *pair("attacks", name), timeout=4)
    assert judgement.outcome.value in EXPECTED[name]["outcome"]
    assert verify(guarded, *pair("honest", "plain"), timeout=60).accepted


@pytest.mark.parametrize("name", partly_nightly(HONEST, 2))
def test_an_honest_file_in_unusual_dress_is_accepted(repl: Repl, name: str) -> None:
    judgement = verify(repl, *pair("honest", name), timeout=60)
    assert judgement.accepted, judgement.reason


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHEATS)
def test_what_a_naive_checker_would_say_is_told_truly(guarded: Repl, name: str) -> None:
    try:
        answer = guarded.request({"cmd": pair("attacks", name)[1].text}, timeout=60)
    except (ReplCrashed, ReplEnded):  # the cheat ends the process: no answer, no error in it
        answer = {"messages": [{"severity": "error", "data": "Lean died"}]}
    messages = answer.get("messages", [])
    clean = not any(m["severity"] == "error" or "sorry" in m["data"] for m in messages)
    assert (clean and not answer.get("sorries")) == EXPECTED[name]["naive"]


@pytest.mark.nightly
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_file_stands_before_the_audit(repl: Repl, engine: Engine, name: str) -> None:
    judgement = verify(repl, *pair("honest", name), auditor=engine, timeout=60)
    assert judgement.accepted, judgement.reason
