"""Generate informal problems with their Lean statements from templates, to train a small formalizer.

A family draws objects, suppositions and a claim, each in words and in Lean; a frame puts the words into sentences. Some frames
and some families are for tests only. BEq compares statements in Lean; the generator does not know whether they are true.
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

_TRAINING_FAMILIES = tuple(family for family in FAMILIES if family not in KEPT_FAMILIES)


@dataclass(frozen=True, slots=True)
class Informal:
    """An informal problem and its meaning."""

    family: str
    problem: str
    meaning: Meaning

    @property
    def statement(self) -> str:
        """The theorem, with `sorry` as its proof."""
        return f"theorem {THEOREM_NAME} {self.meaning.lean} := by sorry"


def generate(seed: int) -> Iterator[Informal]:
    """Yield training problems without end, the families in turn; a seed fixes them."""
    return _made(random.Random(seed), _TRAINING_FAMILIES, FRAMES)


def held_out_phrasings(count: int, seed: int) -> list[Informal]:
    """Return different problems of the training families in held-out sentences."""
    return _different(count, _made(random.Random(f"phrasings:{seed}"), _TRAINING_FAMILIES, KEPT_FRAMES))


def held_out_families(count: int, seed: int) -> list[Informal]:
    """Return different problems of held-out families in training sentences."""
    return _different(count, _made(random.Random(f"families:{seed}"), KEPT_FAMILIES, FRAMES))


def _made(rng: random.Random, families: Sequence[str], frames: Frames) -> Iterator[Informal]:
    while True:
        for family in families:
            meaning = FAMILIES[family](rng)
            yield Informal(family, framed(frames, meaning, rng), meaning)


def _different(count: int, problems: Iterator[Informal]) -> list[Informal]:
    by_text: dict[str, Informal] = {}
    while len(by_text) < count:
        problem = next(problems)
        by_text.setdefault(problem.problem, problem)
    return list(by_text.values())
