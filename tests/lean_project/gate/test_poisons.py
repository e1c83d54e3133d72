"""Pairs of submissions: what the first does to its engine changes nothing of what is said of the second.

`tests/data/poisons/NAME` holds the `first` text, the one that comes `then`, and what must be said of that.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.check import check_source
from stepprove.lean_project.gate.verify import verify
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.errors import ReplEnded
from stepprove.lean_project.source.file import SourceFile, parse_source

POISONS = Path(__file__).parents[2] / "data" / "poisons"
EXPECTED = {p.parent.name: json.loads(p.read_text())["then"] for p in sorted(POISONS.glob("*/expected.json"))}


def texts(name: str) -> tuple[SourceFile, SourceFile]:
    first, then = (parse_source((POISONS / name / f"{f}.lean").read_text()) for f in ("first", "then"))
    return first, then


def holed(source: SourceFile) -> SourceFile:
    """The statement of the last theorem after the imports, its proof open."""
    statement, _, _ = source.text.rstrip().rpartition("\n")[2].rpartition(":=")
    return parse_source(f"{source.header}\n{statement}:= by sorry\n")


@pytest.fixture(scope="module")
def lent(engine: Engine) -> SyncPool:
    with SyncPool(engine, size=1, timeout=60) as pool:
        yield pool


@pytest.mark.parametrize("name", EXPECTED)
def test_a_poison_changes_nothing_in_one_engine(engine: Engine, name: str) -> None:
    first, then = texts(name)
    with Repl(engine, timeout=60) as repl:
        verify(repl, holed(first), first)
        try:
            check_source(repl, first)
        except ReplEnded:
            assert name == "own_exit"
        assert verify(repl, holed(then), then).outcome.value == EXPECTED[name]
        (checked,) = check_source(repl, then).declarations
        assert checked.outcome is not None
        assert checked.outcome.value == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_poison_changes_nothing_in_one_pool(lent: SyncPool, name: str) -> None:
    first, then = texts(name)
    lent.check(first.text)
    assert lent.verify(holed(then), then).outcome.value == EXPECTED[name]
    lent.verify(holed(first), first)
    check = lent.check(then.text, facts=True)
    assert check.outcome == "answered"
    assert check.answer is not None
    assert check.answer.has_errors == (EXPECTED[name] == "failed")
