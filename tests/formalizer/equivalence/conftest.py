"""Comparing statements given as texts, on real Lean."""

from __future__ import annotations

import pytest
from comparing import Compare

from stepprove.formalizer.equivalence.equivalence import Equivalence, equivalent
from stepprove.formalizer.equivalence.methods import Method
from stepprove.formalizer.statement import read_statement
from stepprove.lean_project import Repl


@pytest.fixture
def compare(repl: Repl) -> Compare:
    def one(
        a: str, b: str, method: Method = "beq+", *, timeout: float = 60, **options: object
    ) -> Equivalence:
        return equivalent(
            repl, read_statement(a), read_statement(b), method=method, timeout=timeout, **options
        )  # type: ignore[arg-type]

    return one
