"""Classes of statements and the choice among them."""

from __future__ import annotations

import asyncio

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict
from stepprove.formalizer.majority import classes
from stepprove.formalizer.statement import Statement, read_statement


def statements(*claims: str) -> list[Statement]:
    return [read_statement(f"theorem t{n} : {claim} := by sorry") for n, claim in enumerate(claims)]


async def alike(a: Statement, b: Statement) -> EquivalenceVerdict:
    """By the first letter of what is claimed."""
    return (
        EquivalenceVerdict.EQUIVALENT
        if a.conclusion[:1] == b.conclusion[:1]
        else EquivalenceVerdict.NOT_SHOWN
    )  # type: ignore[index]


async def never_told(a: Statement, b: Statement) -> EquivalenceVerdict:
    return EquivalenceVerdict.UNKNOWN


def test_the_largest_class_comes_first_and_its_most_probable_member_first_in_it() -> None:
    found, unknown = asyncio.run(classes(statements("P", "Q", "Qx", "Qy"), [-1.0, -9.0, -2.0, -5.0], alike))
    assert [c.members for c in found] == [(2, 3, 1), (0,)] and unknown == 0
    assert found[0].logprob == -2.0


def test_equal_sizes_are_told_apart_by_probability_and_then_by_place() -> None:
    found, _ = asyncio.run(classes(statements("P", "Q", "R", "S"), [-3.0, None, -1.0, None], alike))
    assert [c.members for c in found] == [(2,), (0,), (1,), (3,)]


def test_the_same_words_are_not_compared() -> None:
    async def never(a: Statement, b: Statement) -> EquivalenceVerdict:
        raise AssertionError

    found, _ = asyncio.run(classes(statements("P  x", "P x", "P\nx"), [None] * 3, never))
    assert [c.members for c in found] == [(0, 1, 2)]


def test_what_is_joined_through_others_is_not_compared_again() -> None:
    asked = []

    async def count(a: Statement, b: Statement) -> EquivalenceVerdict:
        asked.append((a, b))
        return await alike(a, b)

    found, _ = asyncio.run(classes(statements("P1", "P2", "P3", "P4"), [None] * 4, count))
    assert len(found) == 1 and len(asked) == 3


def test_a_comparison_that_cannot_be_told_joins_nothing_and_is_counted() -> None:
    found, unknown = asyncio.run(classes(statements("P", "Q"), [None, None], never_told))
    assert len(found) == 2 and unknown == 1
