"""Words for numbers, relations and equations, which the families share."""

from __future__ import annotations

import random

from stepprove.train.data.informal.meaning import Objects, Phrase

LETTERS = ("a", "b", "c", "d", "k", "m", "n", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z")

RELATIONS = {
    "<": ("less than", "smaller than", "below"),
    "≤": ("at most", "no more than", "less than or equal to"),
    ">": ("greater than", "more than", "larger than"),
    "≥": ("at least", "no less than", "greater than or equal to"),
}


def numbers(rng: random.Random, count: int, kind: str = "") -> Objects:
    """Draw numbers of one type, by name; without `kind`, naturals or integers."""
    kind = kind or rng.choice(("Nat", "Int"))
    names = tuple(sorted(rng.sample(LETTERS, count)))
    noun = {"Nat": ("natural number", "natural numbers"), "Int": ("integer", "integers")}[kind]
    return Objects(names, kind, *noun)


def related(left: str, relation: str, right: str) -> Phrase:
    """A relation of two terms in words and in Lean."""
    words = RELATIONS[relation]
    return Phrase(
        f"{left} {relation} {right}",
        (*(f"{left} is {word} {right}" for word in words), f"{left} {relation} {right}"),
    )


def equal(left: str, right: str) -> Phrase:
    """An equation in words and in Lean."""
    return Phrase(
        f"{left} = {right}", (f"{left} = {right}", f"{left} equals {right}", f"{left} is equal to {right}")
    )
