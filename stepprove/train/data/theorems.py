"""Generate theorems over naturals, integers, booleans, lists and propositions as training data.

Each family writes statements of one kind with random names, numbers and shapes. The generator knows no proofs: a later search
in Lean drops every statement that it cannot prove.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from stepprove.train.data.families import FAMILIES

__all__ = ["Theorem", "for_training", "generate", "held_out", "is_held_out", "proved", "shape"]


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement without its proof."""

    family: str
    name: str
    definitions: str
    """Lean source of the statement's own definitions; empty for none."""
    statement: str
    """`theorem NAME … :=`, without the proof."""

    def source(self, script: str = "sorry") -> str:
        """Return the Lean text with a tactic script as the proof."""
        return self.definitions + proved(self.statement, script)


def proved(statement: str, script: str) -> str:
    """Return a statement with a tactic script as its proof."""
    return f"{statement} by\n" + "".join(f"  {line}\n" for line in script.splitlines())


_WORDS = (
    "add",
    "basic",
    "both",
    "cancel",
    "case",
    "claim",
    "comm",
    "dist",
    "double",
    "easy",
    "even",
    "fact",
    "first",
    "fold",
    "four",
    "goal",
    "half",
    "imp",
    "key",
    "last",
    "law",
    "left",
    "lemma",
    "len",
    "list",
    "map",
    "mod",
    "mul",
    "my",
    "nat",
    "odd",
    "one",
    "order",
    "pair",
    "part",
    "plus",
    "point",
    "pow",
    "prob",
    "right",
    "row",
    "second",
    "sign",
    "simple",
    "step",
    "sum",
    "swap",
    "test",
    "thm",
    "three",
    "tiny",
    "two",
    "unit",
    "value",
    "warm",
    "word",
    "zero",
)


_KEPT_WORDS = (
    "alpha",
    "bridge",
    "chain",
    "copy",
    "delta",
    "edge",
    "field",
    "grow",
    "helper",
    "index",
    "join",
    "kernel",
    "limit",
    "model",
    "north",
    "of",
    "prime",
    "quick",
    "ring",
    "square",
    "tree",
    "upper",
    "vector",
    "weird",
    "yields",
    "zeta",
)
"""Words that occur only in names of test theorems, so that a prover must copy a new name."""


def _name(rng: random.Random) -> str:
    if rng.random() < 0.2:  # names outside any word list
        return (
            "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
            + "_1"
        )
    count = rng.choice((1, 2, 2, 3))
    words = "_".join(rng.sample(_WORDS, count))
    return words + (f"_{rng.randint(1, 99)}" if count == 1 or rng.random() < 0.4 else "")


def generate(seed: int, families: Sequence[str] | None = None) -> Iterator[Theorem]:
    """Yield theorems without end, the families in turn; a seed fixes them.

    Raises:
        KeyError: a family is unknown.
    """
    rng = random.Random(seed)
    chosen = tuple(families or FAMILIES)
    while True:
        for family in chosen:
            definitions, claim = FAMILIES[family](rng)
            name = _name(rng)
            yield Theorem(family, name, definitions, f"theorem {name} {claim} :=")


def shape(theorem: Theorem) -> str:
    """Return the theorem's text with its own names replaced by numbers, in order of appearance.

    Theorems that differ only in names have the same shape; no shape may be in both training and test.
    """
    seen: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        word = match[0]
        if word == theorem.name:
            return "@"
        return word if word in _LEAN else seen.setdefault(word, f"#{len(seen)}")

    return re.sub(r"[^\W\d][\w₀-₉'.]*", number, theorem.definitions + theorem.statement)


_MOST_DRAWN = 100_000
"""Most theorems generated in search of test theorems."""


def is_held_out(theorem: Theorem) -> bool:
    """Return whether a theorem is for tests: one shape in eight is, independent of names."""
    return hashlib.sha256(shape(theorem).encode()).digest()[0] < 32


def for_training(seed: int) -> Iterator[Theorem]:
    """Yield training theorems without end: those that are not for tests."""
    return (theorem for theorem in generate(seed) if not is_held_out(theorem))


def held_out(count: int, seed: int) -> list[Theorem]:
    """Return test theorems with different shapes, spread over the families as evenly as possible.

    Odd ones have names of words that no training theorem uses; even ones have names like those of training.

    Raises:
        ValueError: there are fewer than `count`.
    """
    found: dict[str, Theorem] = {}
    for _, theorem in zip(range(min(400 * count, _MOST_DRAWN)), generate(seed), strict=False):
        if is_held_out(theorem):
            found.setdefault(shape(theorem), theorem)
    if len(found) < count:
        raise ValueError(f"there are only {len(found)} theorems for tests")
    by_family: dict[str, list[Theorem]] = {}
    for theorem in found.values():
        by_family.setdefault(theorem.family, []).append(theorem)
    rounds = (theorem for row in zip_longest(*by_family.values()) for theorem in row if theorem is not None)
    return [
        theorem if place % 2 else _with_name(theorem, _kept_name(seed, place))
        for place, theorem in enumerate(islice(rounds, count))
    ]


def _kept_name(seed: int, place: int) -> str:
    rng = random.Random(f"{seed}:{place}")
    return "_".join(rng.sample(_KEPT_WORDS, rng.choice((1, 2, 2, 3))))


def _with_name(theorem: Theorem, name: str) -> Theorem:
    statement = theorem.statement.replace(f"theorem {theorem.name} ", f"theorem {name} ", 1)
    return replace(theorem, name=name, statement=statement)


_LEAN = frozenset(
    (
        "theorem",
        "def",
        "where",
        "match",
        "with",
        "Nat",
        "Int",
        "Bool",
        "List",
        "Prop",
        "Type",
        "true",
        "false",
        "fun",
        "if",
        "then",
        "else",
        "max",
        "min",
        "replicate",
        "length",
        "reverse",
        "map",
        "filter",
        "append",
        "sum",
        "range",
    )
)
