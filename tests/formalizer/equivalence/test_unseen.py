"""Labelled pairs written without a look at the methods or the pairs they were tuned on; Lean bears every label out.

Of an equivalent pair Lean is shown that what was changed may be changed so. Of another it is shown that one statement holds and
the other does not; where both hold, that one no longer follows from the other when a predicate or an operation may be anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import orjson
import pytest
from comparing import Compare

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.equivalence.methods import Method
from stepprove.lean_project import Repl
from stepprove.lean_project.repl.protocol import CommandResponse

UNSEEN = [orjson.loads(line) for line in (Path(__file__).parent / "unseen.jsonl").read_bytes().splitlines()]
FOUND_AT_LEAST: dict[Method, int] = {"beq": 7, "beql": 7, "beq+": 21}
"""Just under what was found (docs/results/equivalence.md), for a machine that is slower."""


def test_the_set_is_large_and_of_both_kinds() -> None:
    labels = [pair["equivalent"] for pair in UNSEEN]
    assert len({pair["name"] for pair in UNSEEN}) == len(UNSEEN)
    assert labels.count(True) >= 40 and labels.count(False) >= 40


@pytest.mark.nightly
@pytest.mark.parametrize("pair", UNSEEN, ids=lambda pair: pair["name"])
def test_lean_bears_the_label_out(repl: Repl, pair: dict[str, str]) -> None:
    answer = repl.command(pair["why"])
    assert isinstance(answer, CommandResponse)
    assert not answer.has_errors and not answer.sorries


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", get_args(Method))
def test_what_is_called_equivalent_is_so_in_whatever_order(compare: Compare, method: Method) -> None:
    found, wrong, turned = 0, [], []
    for pair in UNSEEN:
        there = compare(pair["a"], pair["b"], method, timeout=30)
        back = compare(pair["b"], pair["a"], method, timeout=30)
        found += there.equivalent
        if not pair["equivalent"] and (there.equivalent or back.equivalent):
            wrong.append(pair["name"])
        if (
            EquivalenceVerdict.UNKNOWN not in (there.verdict, back.verdict)
            and there.verdict is not back.verdict
        ):
            turned.append(pair["name"])
    assert not wrong
    assert not turned
    assert found >= FOUND_AT_LEAST[method]
