"""The direction that never hurts: properties, and small steps by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, tensor

from stepprove.train.methods.never_hurt import Form, NeverHurt, direction, l2_sp

numbers = st.floats(-10, 10, width=32)
vectors = st.lists(numbers, min_size=3, max_size=3).map(lambda values: tensor(values, dtype=torch.float64))
FORMS: tuple[Form, ...] = ("conditional", "unconditional")


@given(vectors, vectors, st.floats(0, 10), st.sampled_from(FORMS))
def test_descent_of_the_task_is_never_slowed(
    task: torch.Tensor, other: torch.Tensor, weight: float, form: Form
) -> None:
    found = direction(task, other, weight, form)
    assert float((found * task).sum()) >= float(task.square().sum()) * (1 - 1e-9) - 1e-9


def test_both_forms_by_hand() -> None:
    task, against, along = tensor([2.0, 0.0]), tensor([-1.0, 3.0]), tensor([1.0, 3.0])
    assert direction(task, against, 0.5).tolist() == [2.0, 1.5]
    assert direction(task, against, 0.5, "unconditional").tolist() == [2.0, 1.5]
    assert direction(task, along, 0.5).tolist() == [2.5, 1.5]
    assert direction(task, along, 0.5, "unconditional").tolist() == [2.0, 1.5]


def test_without_a_gradient_of_the_task_the_regulariser_stays_whole() -> None:
    assert direction(torch.zeros(2), tensor([3.0, 4.0]), 0.5).tolist() == [1.5, 2.0]


def test_an_optimizers_steps_are_changed_until_it_is_closed() -> None:
    weight = nn.Parameter(tensor([1.0, 1.0]))
    sgd = torch.optim.SGD([weight], lr=1.0)
    method = NeverHurt(sgd, [(weight, l2_sp(tensor([2.0, 0.0])))], weight=0.5, decay=0.5)
    weight.grad = tensor([1.0, 0.0])  # the pull is [-1, 1]: its first part would undo descent
    sgd.step()
    assert weight.tolist() == pytest.approx([0.0, 0.5])
    method.epoch = 1
    weight.grad = tensor([1.0, 0.0])  # the pull is [-2, 0.5], at a quarter
    sgd.step()
    assert weight.tolist() == pytest.approx([-1.0, 0.375])
    method.close()
    weight.grad = tensor([1.0, 0.0])
    sgd.step()
    assert weight.tolist() == pytest.approx([-2.0, 0.375])
