"""What the tests of equivalence have in common."""

from __future__ import annotations

from collections.abc import Callable

from stepprove.formalizer.equivalence.equivalence import Equivalence

Compare = Callable[..., Equivalence]
"""Compares two texts; see `compare` in `conftest.py`."""
