"""Angles of architectures by hand and against vectors put together; spaces that shrink."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor

from stepprove.train.methods.angle_search import (
    STILL,
    Architecture,
    Space,
    Turned,
    along_paths,
    draw,
    operator_scores,
    pooled,
    search,
    shrink,
    size,
    turned,
)
from stepprove.train.methods.angular import angle

NB201 = [[0, 3], [0, 2, 3], [0, 1, 2, 3], [0, 1, 3]]


def parts(count: int, seed: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    rng = torch.Generator().manual_seed(seed)
    before = [torch.randn(3, place + 1, generator=rng, dtype=torch.float64) for place in range(count)]
    return before, [old + torch.randn(old.shape, generator=rng, dtype=torch.float64) for old in before]


def test_an_angle_and_a_length_by_hand() -> None:
    found = turned([tensor([3.0]), tensor([[0.0]])], [tensor([0.0]), tensor([[4.0]])])
    assert found == Turned(9.0, -9.0, 25.0)
    assert found.angle == pytest.approx(math.pi / 2)
    assert found.magnitude == pytest.approx(4.0)


@given(st.integers(1, 6), st.integers(0, 10**6), st.floats(1e-9, 10.0))
def test_summed_parts_have_the_angle_of_the_vector_put_together(
    count: int, seed: int, distance: float
) -> None:
    before, after = parts(count, seed)
    after = [old + distance * (new - old) for old, new in zip(before, after, strict=True)]
    whole = [torch.cat([part.flatten() for part in side]) for side in (before, after)]
    found = sum((turned([a], [b]) for a, b in zip(before, after, strict=True)), STILL)
    assert found.angle == pytest.approx(angle(*whole), rel=1e-5)
    assert found.magnitude == pytest.approx(float(whole[1].norm()), rel=1e-9)


@given(st.floats(0.01, 100.0))
def test_an_angle_does_not_see_how_long_weights_became(factor: float) -> None:
    before, after = parts(2, 0)
    longer = [factor * new for new in after]
    assert turned(before, longer).angle == pytest.approx(turned(before, after).angle)


def test_weights_that_are_not_there_have_no_angle() -> None:
    assert math.isnan(STILL.angle)
    assert math.isnan(turned([tensor([1.0])], [tensor([0.0])]).angle)


def test_each_path_counts_and_one_over_nothing_does_not() -> None:
    unit = {(place, "conv"): Turned(start=10.0**place) for place in range(4)}
    operators = {**unit, (2, "none"): None, (2, "identity"): STILL}
    count = {0: 4, 1: 2, 2: 2, 3: 4}  # how many of the four paths go over each place
    whole = along_paths(("conv",) * 4, operators, NB201)
    assert whole.start == sum(times * 10.0**place for place, times in count.items())
    assert along_paths(("conv", "conv", "none", "conv"), operators, NB201).start == 2 * 1001 + 10
    assert along_paths(("conv", "conv", "identity", "conv"), operators, NB201).start == 4 * 1001 + 2 * 10
    assert along_paths(("conv", "conv", "none", "conv"), operators, always=Turned(start=5.0)).start == 5.0


def test_a_pooling_is_a_constant_vector() -> None:
    weights = torch.full((8, 3, 3), 1 / 9, dtype=torch.float64)
    assert pooled(8, 3).start == pytest.approx(float(weights.square().sum()))
    assert pooled(8, 3).angle == 0.0


SPACE: Space = (("a", "b", "c"), ("a", "b"))


def test_operators_are_scored_by_the_mean_of_their_architectures() -> None:
    value = {"a": 1.0, "b": 2.0, "c": 3.0}
    scores = operator_scores(
        SPACE, lambda found: value[found[0]] + 10 * value[found[1]], random.Random(0), samples=2000
    )
    assert scores[0, "c"] == pytest.approx(3 + 15, abs=0.5)
    assert scores[1, "a"] == pytest.approx(2 + 10, abs=0.2)


def test_the_lowest_are_dropped_and_no_place_is_emptied() -> None:
    scores = {(0, "a"): 5.0, (0, "b"): 6.0, (0, "c"): 4.0, (1, "a"): 1.0, (1, "b"): 2.0}
    assert shrink(SPACE, scores, 2) == (("a", "b"), ("b",))
    assert shrink(SPACE, scores, 99) == (("b",), ("b",))


spaces = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
    lambda counts: tuple(tuple("abcd"[:count]) for count in counts)
)


@given(spaces, st.integers(1, 5), st.integers(1, 20), st.integers(0, 1000))
def test_a_search_ends_small_enough_and_each_stage_is_part_of_the_last(
    space: Space, drop: int, target: int, seed: int
) -> None:
    rng = random.Random(seed)
    trained: list[Space] = []
    stages = search(
        space,
        lambda current, stage: trained.append(current),
        lambda found: rng.random(),
        rng,
        target=target,
        drop=drop,
        samples=2,
    )
    assert size(stages[-1]) <= target
    assert trained == stages[:-1]
    for larger, smaller in pairwise(stages):
        assert size(smaller) < size(larger)
        assert all(set(new) <= set(old) and new for old, new in zip(larger, smaller, strict=True))


def test_what_does_not_fit_goes_first_and_is_never_drawn() -> None:
    def fits(architecture: Architecture) -> bool:
        return "b" not in architecture

    rng = random.Random(0)
    scores = operator_scores(SPACE, lambda found: -1.0, rng, samples=5, fits=fits)
    assert scores[0, "b"] == scores[1, "b"] == -math.inf
    assert all(
        "b" not in found for found in (draw(SPACE, rng, fits=fits) for _ in range(20)) if found is not None
    )
    with pytest.raises(ValueError, match="within the budget"):
        search(SPACE, lambda space, stage: None, lambda found: 0.0, rng, target=1, fits=lambda found: False)


def test_a_budget_is_kept_when_the_best_operators_do_not_fit_together() -> None:
    space: Space = (("big", "small"), ("big", "small"))
    stages = search(
        space,
        lambda current, stage: None,
        lambda found: float(found.count("big")),
        random.Random(0),
        target=1,
        drop=2,
        samples=20,
        fits=lambda found: found.count("big") <= 1,
    )
    assert sorted(operators[0] for operators in stages[-1]) == ["big", "small"]
