"""Control variates: Stein's identity, exactness where the answer is known, and less variance."""

from __future__ import annotations

import math

import pytest
import torch

from stepprove.train.methods.control_variates import NeuralOptions, neural, plain, polynomial, stein


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
