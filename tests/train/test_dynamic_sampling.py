"""Dynamic sampling: problems are asked until enough of them teach."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from stepprove.train.rl.batches import Group
from stepprove.train.rl.options import RlvrOptions
from stepprove.train.rl.samplers.dynamic_sampling import dynamic_sampling

ALIKE, TEACHES = (1.0, 1.0), (1.0, 0.0)
UNKNOWN = (1.0, float("nan"))
DECODER: Any = None


def asked(waves: Sequence[Sequence[tuple[float, float]]], number: int) -> tuple[list[int], int]:
    """Which numbers a round asks for, of those that earn these rewards in turn, and how many groups it has."""
    numbers: list[int] = []

    async def sample(decoder: Any, wave: int) -> list[Group]:
        numbers.append(wave)
        return [Group((), rewards) for rewards in waves[len(numbers) - 1]]

    options = RlvrOptions(problems=2, group=2, waves=len(waves))
    groups = asyncio.run(dynamic_sampling(sample, options)(DECODER, number))  # type: ignore[arg-type]
    return numbers, len(groups)


@pytest.mark.parametrize("number", [0, 5])
def test_a_round_ends_when_as_many_problems_teach_as_a_wave_has(number: int) -> None:
    waves = [(ALIKE, TEACHES), (TEACHES, UNKNOWN), (TEACHES, TEACHES)]
    assert asked(waves, number) == ([3 * number, 3 * number + 1], 4)


def test_a_round_ends_with_its_waves_when_too_few_teach() -> None:
    assert asked([(ALIKE, UNKNOWN), (ALIKE, ALIKE)], 1) == ([2, 3], 4)


def test_one_wave_is_the_round() -> None:
    assert asked([(ALIKE, ALIKE)], 7) == ([7], 2)
