"""Pairs of submissions: what the first does to its engine changes nothing of what is said of the second.

`tests/data/poisons/NAME` holds the `first` text, the one that comes `then`, and what must be said of that, also before the
poison. The poison may stand in the first's `original` too: then it also runs where the first is audited.
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


def original(name: str) -> SourceFile:
    path = POISONS / name / "original.lean"
    return parse_source(path.read_text()) if path.exists() else holed(texts(name)[0])


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
        assert verify(repl, holed(then), then).outcome.value == EXPECTED[name]
        verify(repl, original(name), first)
        assert verify(repl, holed(then), then).outcome.value == EXPECTED[name]
        verify(repl, original(name), first)
        try:
            check_source(repl, first)
        except ReplEnded:
            assert name == "own_exit"
        assert verify(repl, holed(then), then).outcome.value == EXPECTED[name]
        assert check_source(repl, then).passed == (EXPECTED[name] == "proved")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_poison_changes_nothing_in_one_pool(lent: SyncPool, name: str) -> None:
    first, then = texts(name)
    lent.check(first.text)
    assert lent.verify(holed(then), then).outcome.value == EXPECTED[name]
    lent.verify(original(name), first)
    assert lent.verify(holed(then), then).outcome.value == EXPECTED[name]
    lent.check("theorem t : 1 = 1 := rfl", header=original(name).text, facts=True)
    assert lent.verify(holed(then), then).outcome.value == EXPECTED[name]
    check = lent.check(then.text, facts=True)
    assert check.outcome == "answered"
    assert check.answer is not None
    assert check.answer.has_errors == (EXPECTED[name] == "failed")
