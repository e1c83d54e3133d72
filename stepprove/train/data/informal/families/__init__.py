"""The families of problems: each draws a meaning at random."""

from __future__ import annotations

import random
from collections.abc import Callable

from stepprove.train.data.informal.families.arithmetic import (
    between,
    commuting,
    divisor,
    doubling,
    extremes,
    order,
    parity,
    parity_of_two,
    remainder,
    shift,
    subtraction,
    sum_bound,
)
from stepprove.train.data.informal.families.equations import (
    linear,
    odd_solution,
    solution,
    square,
    system,
    zero_product,
)
from stepprove.train.data.informal.families.structures import functions, lists, logic
from stepprove.train.data.informal.meaning import Meaning

Family = Callable[[random.Random], Meaning]

FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        shift, order, commuting, parity, parity_of_two, divisor, solution, linear, system, square, remainder,
        lists, logic, functions, extremes, zero_product, between, doubling, subtraction, sum_bound, odd_solution,
    )
}  # fmt: skip
KEPT_FAMILIES = ("zero_product", "sum_bound", "odd_solution")
"""Families for tests only; each of their concepts occurs in a training family, in another role."""
