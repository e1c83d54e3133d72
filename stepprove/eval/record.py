"""What an evaluation leaves behind, as data: what was run on what, and what became of every attempt.

Logs are inspect's; they are read into these models, and everything that counts, reports or compares works on them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel, ConfigDict

from stepprove.lean_project.outcome import Outcome


class BadLog(Exception):
    """A file is no log of an evaluation; the message is one sentence."""


class Dataset(BaseModel):
    """A benchmark as it was read."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: str
    subset: str | None
    """Which of its statements were asked for (`core`), or None for all."""
    origin: str
    """The path, Hub id or git URL that it was read from."""
    revision: str | None
    sha256: str
    """Of the statements as they were read, in their order."""
    licence: str


class Problem(BaseModel):
    """A statement of the benchmark."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    """Lean text that ends in `sorry`, its header included."""
    informal: str | None = None
    broken: str | None = None
    """Why the statement is known not to say what it should, if it is."""


class Attempt(BaseModel):
    """One attempt at one problem."""

    model_config = ConfigDict(frozen=True)

    problem: str
    """The problem's name."""
    epoch: int
    """Which attempt at it, from 1."""
    outcome: Outcome
    reason: str = ""
    """Why it is not `proved`, or how it was found, in one line."""
    candidate: str | None = None
    """The whole Lean text that was judged last; of a `proved` attempt the one that the gate accepted."""
    errors: tuple[str, ...] = ()
    """What Lean found wrong with the candidate."""
    interactions: int = 0
    """Answers by Lean until the end."""
    tokens: int = 0
    """That a model wrote."""
    seconds: float = 0.0
    trace: str | None = None
    """What happened, as text (the growing completion, or the search's steps), as far as it was kept."""


class Run(BaseModel):
    """A whole evaluation."""

    model_config = ConfigDict(frozen=True)

    id: str
    task: str
    dataset: Dataset
    policy: str
    model: str | None
    budget: Mapping[str, float | int | str]
    """Whatever limits an attempt: seconds, tokens, sketches."""
    epochs: int
    """Attempts that were wanted of each problem."""
    engine: str
    """Which Lean, its version and Mathlib's."""
    versions: Mapping[str, str]
    """Of StepProve, Python, inspect_ai."""
    started: AwareDatetime
    finished: bool
    """False: some attempts are still missing or spoiled by the infrastructure."""
    problems: tuple[Problem, ...]
    """All that were to be tried, in the benchmark's order."""
    attempts: tuple[Attempt, ...]
