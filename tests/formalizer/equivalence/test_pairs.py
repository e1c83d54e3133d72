"""Labelled pairs: none is called equivalent wrongly, most equivalent ones are found (docs/results/equivalence.md)."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import orjson
import pytest
from comparing import Compare

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.equivalence.methods import Method

PAIRS = [orjson.loads(line) for line in (Path(__file__).parent / "pairs.jsonl").read_bytes().splitlines()]
SAMPLE = [pair for pair in PAIRS if pair.get("sample")]


def test_the_set_is_large_and_of_both_kinds() -> None:
    labels = [pair["equivalent"] for pair in PAIRS]
    assert len(PAIRS) >= 60 and len({pair["name"] for pair in PAIRS}) == len(PAIRS)
    assert labels.count(True) >= 30 and labels.count(False) >= 30


@pytest.mark.parametrize("pair", SAMPLE, ids=lambda pair: pair["name"])
def test_a_sample_of_the_pairs_is_told_rightly(compare: Compare, pair: dict[str, str]) -> None:
    found = compare(pair["a"], pair["b"])
    assert found.equivalent is pair["equivalent"]


@pytest.mark.nightly
@pytest.mark.parametrize("method", get_args(Method))
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["name"])
def test_nothing_is_called_equivalent_that_is_not(
    compare: Compare, pair: dict[str, str], method: Method
) -> None:
    there = compare(pair["a"], pair["b"], method, timeout=30)
    back = compare(pair["b"], pair["a"], method, timeout=30)
    assert pair["equivalent"] or not (there.equivalent or back.equivalent)
    if EquivalenceVerdict.UNKNOWN not in (there.verdict, back.verdict):
        assert there.verdict is back.verdict
