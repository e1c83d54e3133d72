"""Angles of scale-invariant weights: the theory against simulated steps."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from stepprove.train.methods.angular import (
    AngularTelemetry,
    WeightTurn,
    angle,
    equilibrium_angle,
    equilibrium_norm,
    rescale,
    steps_to_equilibrium,
)


def tangential(weight: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """A random gradient of a scale-invariant loss: at right angles to the weight, of length 1 / |w|."""
    noise = torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
    noise -= (noise @ weight) / (weight @ weight) * weight
    return noise / noise.norm() / weight.norm()


def simulate(lr: float, decay: float, momentum: float, steps: int) -> tuple[float, float]:
    """(mean angle, length) over the last half of so many steps of SGD."""
    rng = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.randn(200, generator=rng, dtype=torch.float64))
    weight.data.mul_(equilibrium_norm(lr, decay, 1.0, momentum) / weight.data.norm())
    sgd = torch.optim.SGD([weight], lr=lr, momentum=momentum, weight_decay=decay)
    angles, lengths = [], []
    for step in range(steps):
        before = weight.detach().clone()
        weight.grad = tangential(before, rng)
        sgd.step()
        if step >= steps // 2:
            angles.append(angle(before, weight))
            lengths.append(float(weight.detach().norm()))
    return sum(angles) / len(angles), sum(lengths) / len(lengths)


@pytest.mark.parametrize(
    ("lr", "decay", "momentum"), [(0.1, 0.01, 0.0), (0.1, 0.005, 0.5), (0.05, 0.005, 0.9)]
)
def test_weights_turn_and_grow_as_the_theory_says(lr: float, decay: float, momentum: float) -> None:
    turned, length = simulate(lr, decay, momentum, 2000)
    assert turned == pytest.approx(equilibrium_angle(lr, decay, momentum), rel=0.02)
    assert length == pytest.approx(equilibrium_norm(lr, decay, 1.0, momentum), rel=0.02)


def test_a_rescaled_weight_turns_at_its_new_pace_at_once() -> None:
    rng = torch.Generator().manual_seed(0)
    lr, wd, k = 0.1, 0.01, 0.1
    start = torch.randn(200, generator=rng, dtype=torch.float64)
    start *= equilibrium_norm(lr, wd, 1.0) / start.norm()

    def first_turn(weight: torch.Tensor) -> float:
        after = weight - k * lr * (tangential(weight, rng) + wd * weight)
        return angle(weight, after)

    wanted = equilibrium_angle(k * lr, wd)
    assert first_turn(start) == pytest.approx(wanted * math.sqrt(k), rel=0.01)
    rescale([start], k)
    assert first_turn(start) == pytest.approx(wanted, rel=0.01)
    assert steps_to_equilibrium(k * lr, wd) == pytest.approx(2500)


def test_momentum_is_rescaled_as_gradients_are() -> None:
    weight = nn.Parameter(torch.ones(3))
    sgd = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.full((3,), 2.0)
    sgd.step()
    rescale([weight], 1 / 16, sgd)
    assert sgd.state[weight]["momentum_buffer"].tolist() == [4.0, 4.0, 4.0]
    with pytest.raises(ValueError, match="multiplied by 0"):
        rescale([weight], 0)


@given(st.floats(1e-9, 3.1), st.floats(0.1, 100.0))
def test_an_angle_is_exact_however_small_and_ignores_lengths(turned: float, length: float) -> None:
    before = torch.tensor([1.0, 0.0], dtype=torch.float64)
    after = length * torch.tensor([math.cos(turned), math.sin(turned)], dtype=torch.float64)
    assert angle(before, after) == pytest.approx(turned, rel=1e-6)


def test_a_vanished_weight_has_no_angle() -> None:
    assert math.isnan(angle(torch.zeros(2), torch.ones(2)))


def test_telemetry_tells_of_each_watched_weight_of_a_trainer(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from transformers import Trainer, TrainingArguments

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": self.inner(x).square().mean()}

    turns: list[WeightTurn] = []
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        learning_rate=0.1,
        lr_scheduler_type="constant",
        optim="sgd",
        weight_decay=0.02,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    data = [{"x": torch.ones(4)}] * 24
    Trainer(
        model=Model(), args=arguments, train_dataset=data, callbacks=[AngularTelemetry(turns.append)]
    ).train()
    assert [turn.name for turn in turns] == ["inner.weight"] * 3
    assert [turn.step for turn in turns] == [0, 1, 2]
    assert all(
        turn.angle > 0 and turn.expected == pytest.approx(equilibrium_angle(0.1, 0.02)) for turn in turns
    )
