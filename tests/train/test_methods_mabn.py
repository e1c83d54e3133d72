"""MABN's statistics, forward and backward, by hand and against automatic differentiation."""

from __future__ import annotations

import pytest
import torch
from torch import nn, tensor

from stepprove.train.methods.moving_average_norm import CentredConv2d, CentredLinear, MovingAverageNorm


def test_with_a_buffer_of_one_it_is_the_root_mean_square_and_its_exact_gradient() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 5, 5, generator=rng, dtype=torch.float64, requires_grad=True)
    up = torch.randn(4, 3, 5, 5, generator=rng, dtype=torch.float64)
    norm = MovingAverageNorm(3, buffer=1, warmup=0).double()
    found = norm(x)
    wanted = x / (x.square().mean((0, 2, 3), keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(found, wanted)
    (ours,) = torch.autograd.grad((found * up).sum(), x)
    (theirs,) = torch.autograd.grad((wanted * up).sum(), x)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_statistics_are_means_over_the_last_batches_once_it_is_warm() -> None:
    norm = MovingAverageNorm(1, buffer=2, warmup=3, eps=0.0)
    outputs = [float(norm(tensor([[value], [value]]))[0, 0].detach()) for value in (1.0, 2.0, 3.0, 4.0)]
    # until step 2 each batch by itself; then by the mean square of two: (4 + 9) / 2, (9 + 16) / 2
    assert outputs == pytest.approx([1.0, 1.0, 3 / 6.5**0.5, 4 / 12.5**0.5])


def test_the_gradients_statistic_is_a_mean_over_the_last_batches_too() -> None:
    norm = MovingAverageNorm(1, buffer=2, warmup=0, eps=0.0)
    x = tensor([[3.0], [4.0]], requires_grad=True)
    scale = 12.5**0.5
    for up in (tensor([[1.0], [0.0]]), tensor([[0.0], [1.0]])):
        norm(x).backward(up)
    assert x.grad is not None
    x.grad = None
    norm(x).backward(tensor([[1.0], [1.0]]))
    # mean of g z: now (3 + 4) / 2, before 4 / 2, over the scale; their mean is 11 / 4 of it
    mean = 2.75 / scale
    wanted = [(1 - 3 / scale * mean) / scale, (1 - 4 / scale * mean) / scale]
    assert x.grad.flatten().tolist() == pytest.approx(wanted)


def test_in_evaluation_it_is_linear_by_the_running_statistic() -> None:
    norm = MovingAverageNorm(2).eval()
    norm.running.copy_(tensor([4.0, 9.0]))
    assert norm(tensor([[2.0, 3.0]])).flatten().tolist() == pytest.approx([1.0, 1.0], rel=1e-5)
    assert norm(tensor([[20.0, 30.0]])).flatten().tolist() == pytest.approx([10.0, 10.0], rel=1e-5)


def test_the_running_statistic_moves_by_its_momentum_and_corrects_within_bounds() -> None:
    norm = MovingAverageNorm(1, buffer=1, warmup=0, eps=0.0)
    norm(tensor([[3.0]]))
    assert float(norm.running) == pytest.approx(0.98 + 0.02 * 9)
    norm.steps.fill_(1000)
    norm.running.fill_(1.0)
    assert float(norm(tensor([[3.0]])).detach()) == pytest.approx(3.0)  # 1 times the ratio 3
    norm.running.fill_(1.0)
    assert float(norm(tensor([[30.0]])).detach()) == pytest.approx(5.0)  # the ratio is cut at 5


@pytest.mark.parametrize("layer", [CentredConv2d(2, 3, 3, padding=1), CentredLinear(4, 3)])
def test_centred_weights_ignore_what_is_added_to_all_inputs(layer: nn.Module) -> None:
    shape = (1, 2, 8, 8) if isinstance(layer, nn.Conv2d) else (1, 4)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    a, b = layer(x), layer(x + 7.0)
    inner = (..., slice(1, -1), slice(1, -1)) if isinstance(layer, nn.Conv2d) else ...
    assert torch.allclose(a[inner], b[inner], atol=1e-5)
