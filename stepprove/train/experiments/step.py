"""Progress of an experiment that trains several models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One progress report: `done` of `total` steps of `work` on `model`, and a remark in words."""

    model: str
    work: str
    done: int
    total: int
    words: str = ""
