"""Names of variables, hypotheses and functions in generated theorems."""

from __future__ import annotations

import random
from collections.abc import Sequence

NATURALS = ("a", "b", "c", "d", "k", "m", "n", "x", "y", "z")
PROPOSITIONS = ("P", "Q", "R", "S")
LOWER = ("p", "q", "r", "s")


def variables(rng: random.Random, count: int, pool: Sequence[str] = NATURALS) -> list[str]:
    """Return different variables in alphabetical order."""
    return sorted(rng.sample(list(pool), count))


def hypotheses(rng: random.Random, count: int) -> list[str]:
    """Return names for hypotheses, all in one style."""
    style = rng.choice(("h", "h₁", "hx", "H"))
    if count == 1 and style == "h":
        return ["h"]
    if style == "h₁":
        return ["h" + "₁₂₃₄₅"[i] for i in range(count)]
    base = {"h": "h", "hx": "hx", "H": "H"}[style]
    return [f"{base}{i + 1}" for i in range(count)] if count > 1 else [base]


def binders(parts: Sequence[str], claim: str) -> str:
    """Return binders and claim as in a theorem."""
    return " ".join(parts) + f" : {claim}"
