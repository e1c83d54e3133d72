"""How far a training is that makes several models, for whoever waits for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """What is under way: so much of `total` done."""

    model: str
    work: str
    done: int
    total: int
    words: str = ""
