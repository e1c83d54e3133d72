"""What an evaluation leaves behind, as data: what was run on what, and what became of every attempt.

Logs are inspect's; they are read into these models, and everything that counts, reports or compares works on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from stepprove.outcome import Outcome


class FormalizationOutcome(StrEnum):
    """How an attempt to state a problem in Lean ends, where Lean could tell."""

    EQUIVALENT = "equivalent"
    """It was proved to say what the benchmark's own statement says."""
    NOT_EQUIVALENT = "not-equivalent"
    """That was not proved, which is no proof of the contrary."""
    ILL_TYPED = "ill-typed"
    """There is no statement that Lean accepts."""


Ending = Outcome | FormalizationOutcome
"""How an attempt ends. Time-outs and the infrastructure's faults are the same for provers and formalizers."""
SUCCESSES: frozenset[Ending] = frozenset({Outcome.PROVED, FormalizationOutcome.EQUIVALENT})
PROVING: tuple[Ending, ...] = tuple(Outcome)
"""How attempts to prove end."""
FORMALIZING: tuple[Ending, ...] = (*FormalizationOutcome, Outcome.TIMEOUT, Outcome.INFRASTRUCTURE)
"""How attempts to state a problem end."""


TRIES = 3
"""An attempt that the infrastructure spoiled so often is set apart: it may never have an end."""


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


class BenchmarkProblem(BaseModel):
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
    tries: int = 1
    """How often it was made: more than once where the infrastructure spoiled the ones before."""
    outcome: Ending
    reason: str = ""
    """Why it is no success, or how it was found, in one line."""
    candidate: str | None = None
    """The whole Lean text that was judged last; of a `proved` attempt the one that the gate accepted. Of a formalizer's, the
    code in the answer."""
    errors: tuple[str, ...] = ()
    """What Lean found wrong with the candidate."""
    type_checks: bool | None = None
    """Of a formalizer's: whether Lean accepts the statement; None where it did not say."""
    interactions: int = 0
    """Answers by Lean until the end."""
    tokens: int = 0
    """That a model wrote."""
    seconds: float = 0.0
    trace: str | None = None
    """What happened, as text (the growing completion, or the search's steps), as far as it was kept."""

    @property
    def lost(self) -> bool:
        """Whether the infrastructure spoiled it again and again."""
        return self.outcome is Outcome.INFRASTRUCTURE and self.tries >= TRIES


class Run(BaseModel):
    """A whole evaluation."""

    model_config = ConfigDict(frozen=True)

    id: str
    task: str
    dataset: Dataset
    policy: str
    model: str | None
    method: str | None = None
    """By which a formalizer's statements are compared; None where proofs are asked for."""
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
    problems: tuple[BenchmarkProblem, ...]
    """All that were to be tried, in the benchmark's order."""
    left_out: Mapping[str, str] = {}
    """Statements that a formalizer could not be asked for, each with the reason."""
    attempts: tuple[Attempt, ...]

    @property
    def endings(self) -> tuple[Ending, ...]:
        """How its attempts can end, the success first."""
        return PROVING if self.method is None else FORMALIZING

    @property
    def metric(self) -> str:
        """What is counted, as it stands before `@k`."""
        return "pass" if self.method is None else {"beq": "BEq", "beql": "BEqL", "beq+": "BEq+"}[self.method]

    @property
    def solved(self) -> str:
        """What is said of a problem with a success."""
        return "solved" if self.method is None else "stated"
