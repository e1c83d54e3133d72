"""Families of theorems; each draws statements with random names, numbers and shapes, and knows no proof."""

from __future__ import annotations

import random
from collections.abc import Callable

from stepprove.train.data.families import numbers, propositions, structures

__all__ = ["FAMILIES", "Family"]

Family = Callable[[random.Random], tuple[str, str]]
"""Draws (definitions, binders and claim); the theorem's name goes between them."""

FAMILIES: dict[str, Family] = {
    "chain": propositions.chain,
    "conjunction": propositions.conjunction,
    "tautology": propositions.tautology,
    "quantifiers": propositions.some_and_all,
    "linear": numbers.linear,
    "identity": numbers.identity,
    "witness": numbers.witness,
    "general witness": numbers.general_witness,
    "residue": numbers.residue,
    "divides": numbers.divides,
    "growth": numbers.growth,
    "computed": numbers.computed,
    "sums": numbers.sums,
    "lists": structures.lists,
    "list recursion": structures.list_recursion,
    "booleans": structures.booleans,
    "cases": numbers.cases,
    "functions": numbers.functions,
}
"""The families by name."""
