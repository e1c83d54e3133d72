"""Control variates: Stein's identity, exactness where the answer is known, and less variance."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stepprove.train.methods.control_variates import (
    NeuralOptions,
    learned_baseline,
    neural,
    plain,
    polynomial,
    stein,
)


def gaussian(count: int, dimensions: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """(samples of the standard normal distribution, their scores)."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(count, dimensions, generator=rng, dtype=torch.float64)
    return x, -x


def test_steins_addition_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    # phi = (x², x y): <phi, -x> + 2 x + x = -1 - 4 + 3
    found = stein(lambda p: torch.stack([p[0] ** 2, p[0] * p[1]]), x, -x)
    assert found.tolist() == [-2.0]


def test_steins_addition_has_mean_nothing() -> None:
    x, score = gaussian(200_000)
    found = stein(lambda p: torch.sin(3 * p) + p**2, x, score)
    assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(len(x))


@pytest.mark.parametrize(
    ("order", "f"), [(1, lambda x: 2 * x[:, 0] + 1), (2, lambda x: (x**2).sum(1) + x[:, 0])]
)
def test_a_polynomial_is_estimated_without_variance(order: int, f) -> None:  # type: ignore[no-untyped-def]
    x, score = gaussian(50, 2)
    found = polynomial(f(x), x, score, order)
    assert found.value == pytest.approx(1.0 if order == 1 else 2.0)
    assert found.variance < 1e-20


def test_an_order_that_is_not_offered_is_refused() -> None:
    x, score = gaussian(5)
    with pytest.raises(ValueError, match="order 3"):
        polynomial(x[:, 0], x, score, 3)


def test_a_network_varies_less_and_stays_at_the_mean() -> None:
    x, score = gaussian(400)
    f = torch.sin(2 * x[:, 0] + 1)
    mean = math.sin(1) * math.exp(-2)
    found = neural(f, x, score, NeuralOptions(steps=150))
    assert found.variance < plain(f).variance / 20
    assert abs(found.value - mean) < 4 * math.sqrt(found.variance) + 1e-3


def test_fewer_samples_than_folds_are_refused() -> None:
    x, score = gaussian(3)
    with pytest.raises(ValueError, match="3 samples cannot be split into 5 folds"):
        neural(x[:, 0], x, score)


def test_a_baseline_by_hand_is_laplaces_rule_where_it_is_held_there() -> None:
    rewards = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    found = learned_baseline(rewards, ridge=1e9)
    # Of problem 0: nothing but the other's mean 0, and 2 / (2 + 2) of its own others' means 1/2, 1, 1/2.
    assert found[0].tolist() == pytest.approx([0.25, 0.5, 0.25])
    # Of problem 1: the other's mean 2/3, and half of the way from there to 0.
    assert found[1].tolist() == pytest.approx([1 / 3] * 3)


def test_a_baseline_learns_what_features_say() -> None:
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(64, 1, generator=rng, dtype=torch.float64)
    rewards = (features > 0).double()  # one text a problem: its others say nothing
    without, having = learned_baseline(rewards), learned_baseline(rewards, features)
    assert (rewards - having).square().mean() < 0.5 * (rewards - without).square().mean()


rewards_of_a_round = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=3, max_size=3), min_size=1, max_size=5
)


@given(rewards_of_a_round, st.integers(0, 4), st.integers(0, 2), st.sampled_from([0.0, 1.0, math.nan]))
def test_a_texts_own_reward_is_not_in_its_baseline(
    rows: list[list[float]], problem: int, text: int, other: float
) -> None:
    problem %= len(rows)
    rewards = torch.tensor(rows)
    before = learned_baseline(rewards)
    assert bool(before.isfinite().all())
    rewards[problem, text] = other
    after = learned_baseline(rewards)
    assert float(after[problem, text]) == pytest.approx(float(before[problem, text]), abs=1e-6)
