"""Problems in words with the statements that they mean, made by templates, for a small formalizer to learn on.

A family draws what is spoken of, what is supposed and what is claimed, each in words and in Lean; a frame makes a sentence of
the words. Some frames and some families are kept for tests. Lean says whether two statements are the same (BEq); nothing here
claims that a statement is true.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepprove.formalizer.prompts import THEOREM_NAME
from stepprove.train.data.informal.families import FAMILIES, KEPT_FAMILIES
from stepprove.train.data.informal.frames import FRAMES, KEPT_FRAMES, Frames, framed
from stepprove.train.data.informal.meaning import Meaning

__all__ = ["Informal", "generate", "held_out_families", "held_out_phrasings"]

_TAUGHT_FAMILIES = tuple(family for family in FAMILIES if family not in KEPT_FAMILIES)


@dataclass(frozen=True, slots=True)
class Informal:
    """A problem in words and what it means."""

    family: str
    problem: str
    meaning: Meaning

    @property
    def statement(self) -> str:
        """The theorem, with `sorry` for its proof."""
        return f"theorem {THEOREM_NAME} {self.meaning.lean} := by sorry"


def generate(seed: int) -> Iterator[Informal]:
    """Endless problems for training, the families in turn. The same seed gives the same ones."""
    return _made(random.Random(seed), _TAUGHT_FAMILIES, FRAMES)


def held_out_phrasings(count: int, seed: int) -> list[Informal]:
    """Different problems of the families of training in sentences that training has not."""
    return _different(count, _made(random.Random(f"phrasings:{seed}"), _TAUGHT_FAMILIES, KEPT_FRAMES))


def held_out_families(count: int, seed: int) -> list[Informal]:
    """Different problems of families that training has not, in sentences that it has."""
    return _different(count, _made(random.Random(f"families:{seed}"), KEPT_FAMILIES, FRAMES))


def _made(rng: random.Random, families: Sequence[str], frames: Frames) -> Iterator[Informal]:
    while True:
        for family in families:
            meaning = FAMILIES[family](rng)
            yield Informal(family, framed(frames, meaning, rng), meaning)


def _different(count: int, problems: Iterator[Informal]) -> list[Informal]:
    found: dict[str, Informal] = {}
    while len(found) < count:
        one = next(problems)
        found.setdefault(one.problem, one)
    return list(found.values())
