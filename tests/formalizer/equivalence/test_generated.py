"""Statements drawn at random: each says the same as itself under other names, and order never matters."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import get_args

import pytest
from comparing import Compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.equivalence.methods import Method
from stepprove.train.data.informal.families import FAMILIES
from stepprove.train.data.informal.meaning import Meaning

meanings = st.builds(
    lambda family, seed: FAMILIES[family](random.Random(seed)),
    st.sampled_from(sorted(FAMILIES)),
    st.integers(0, 2**32),
)
few = settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def text(meaning: Meaning) -> str:
    return f"theorem t {meaning.lean} := by sorry"


def renamed(meaning: Meaning) -> str:
    """The same with every variable called otherwise."""
    said = text(meaning)
    for objects in meaning.objects:
        for name in objects.names:
            said = re.sub(rf"(?<![\w'.]){re.escape(name)}(?![\w'])", f"{name}'", said)
    return said


def changed(meaning: Meaning, rng: random.Random) -> str:
    """Another statement: a supposition left out, or a number made another."""
    if meaning.suppositions and rng.random() < 0.5:
        kept = list(meaning.suppositions)
        kept.pop(rng.randrange(len(kept)))
        return text(replace(meaning, suppositions=tuple(kept)))
    return re.sub(
        r"\d+(?=\D*$)", lambda number: str(int(number[0]) + rng.randint(1, 3)), text(meaning), count=1
    )


def check_same(compare: Compare, meaning: Meaning, method: Method) -> None:
    found = compare(text(meaning), renamed(meaning), method)
    assert found.verdict in (EquivalenceVerdict.EQUIVALENT, EquivalenceVerdict.UNKNOWN), (
        text(meaning),
        found.reason,
    )


def check_order(compare: Compare, meaning: Meaning, seed: int, method: Method) -> None:
    one, other = text(meaning), changed(meaning, random.Random(seed))
    there, back = compare(one, other, method, timeout=30), compare(other, one, method, timeout=30)
    if EquivalenceVerdict.UNKNOWN not in (there.verdict, back.verdict):
        assert there.verdict is back.verdict, (one, other)


@few
@given(meanings)
def test_names_of_variables_do_not_matter(compare: Compare, meaning: Meaning) -> None:
    check_same(compare, meaning, "beq")


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", get_args(Method))
def test_names_never_matter(compare: Compare, method: Method) -> None:
    many(given(meanings)(lambda meaning: check_same(compare, meaning, method)))()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", get_args(Method))
def test_order_never_matters(compare: Compare, method: Method) -> None:
    many(given(meanings, st.integers(0, 2**32))(lambda m, seed: check_order(compare, m, seed, method)))()
