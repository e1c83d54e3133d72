"""The path that a GPU takes through the experts, with PyTorch's own stand-in for its kernel on the CPU."""

from __future__ import annotations

import pytest
import torch

from stepprove.serving.step_moe.experts import grouped
from stepprove.serving.step_moe.experts.grouped import grouped_swiglu


@pytest.mark.parametrize("limit", [None, 0.4])
def test_products_of_all_experts_at_once_are_those_one_by_one(
    limit: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    shapes = [(40, 16), (40, 2), (6, 32, 16), (6, 16, 16)]
    values = [torch.randn(shape, requires_grad=True) for shape in shapes]
    indices = torch.rand(40, 5).topk(2).indices  # nobody chooses the last expert

    def both_ways() -> list[torch.Tensor]:
        output = grouped_swiglu(values[0], indices, *values[1:], limit)
        return [output, *torch.autograd.grad(output.square().sum(), values)]

    one_by_one = both_ways()
    monkeypatch.setattr(grouped, "_at_once", lambda rows: True)
    for found, wanted in zip(both_ways(), one_by_one, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
