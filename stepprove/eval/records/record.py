"""The data of an evaluation: its setting, and the outcome of every attempt.

Logs are inspect's; they are read into these models, and all scores, reports and comparisons use the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from stepprove.faults import Failure
from stepprove.outcome import Outcome


class FormalizationOutcome(StrEnum):
    """The outcome of an attempt to state a problem, if Lean decided it."""

    EQUIVALENT = "equivalent"
    """Proved equivalent to the benchmark's statement."""
    NOT_EQUIVALENT = "not-equivalent"
    """Not proved equivalent, which is no proof of the contrary."""
    ILL_TYPED = "ill-typed"
    """Lean accepts no statement in the answer."""


Ending = Outcome | FormalizationOutcome
"""The outcome of an attempt; provers and formalizers share time-outs and infrastructure failures."""
SUCCESSES: frozenset[Ending] = frozenset({Outcome.PROVED, FormalizationOutcome.EQUIVALENT})
PROVING: tuple[Ending, ...] = tuple(Outcome)
"""The outcomes of a prover's attempts."""
FORMALIZING: tuple[Ending, ...] = (*FormalizationOutcome, Outcome.TIMEOUT, Outcome.INFRASTRUCTURE)
"""The outcomes of a formalizer's attempts."""


TRIES = 3
"""An attempt with so many infrastructure failures counts as lost: it may never end."""


class BadLog(Failure):
    """A file is not a log of an evaluation; the message is one sentence."""

    exit_code = 2


class Dataset(BaseModel):
    """A benchmark as it was read."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: str
    subset: str | None
    """The selected subset (`core`), or None for all statements."""
    origin: str
    """The path, Hub id or git URL of the source."""
    revision: str | None
    sha256: str
    """The hash of the statements, in their order."""
    licence: str


class BenchmarkProblem(BaseModel):
    """A statement of the benchmark."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    """Lean text that ends in `sorry`, header included."""
    informal: str | None = None
    broken: str | None = None
    """The known error of the statement, if it has one."""


class Attempt(BaseModel):
    """One attempt at one problem."""

    model_config = ConfigDict(frozen=True)

    problem: str
    """The problem's name."""
    epoch: int
    """The number of the attempt at the problem, from 1."""
    tries: int = 1
    """How often it was made: more than once after infrastructure failures."""
    outcome: Ending
    reason: str = ""
    """The reason for a failure, or the finder of a proof, in one line."""
    candidate: str | None = None
    """The whole Lean text that was judged last; for a `proved` attempt the accepted one, for a formalizer's attempt the
    code in the answer.
    """
    gated: bool = False
    """The gate gave its verdict on the candidate in the attempt itself; the scorer does not repeat it."""
    errors: tuple[str, ...] = ()
    """Lean's errors in the candidate."""
    type_checks: bool | None = None
    """Formalizers only: whether Lean accepts the statement; None if it did not say."""
    interactions: int = 0
    """Lean's answers in the attempt."""
    tokens: int = 0
    """Tokens that a model wrote."""
    seconds: float = 0.0
    trace: str | None = None
    """The events as text (the growing completion, or the search's steps), cut to a limit."""

    @property
    def lost(self) -> bool:
        """Whether the infrastructure failed at it repeatedly."""
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
    """The comparison of a formalizer's statements; None for a prover."""
    budget: Mapping[str, float | int | str]
    """The limits of an attempt: seconds, tokens, sketches."""
    epochs: int
    """Attempts per problem."""
    engine: str
    """The Lean, its version and Mathlib's."""
    versions: Mapping[str, str]
    """Versions of StepProve, Python, inspect_ai."""
    started: AwareDatetime
    finished: bool
    """False: some attempts are missing, or failed by infrastructure."""
    problems: tuple[BenchmarkProblem, ...]
    """All problems of the run, in the benchmark's order."""
    left_out: Mapping[str, str] = {}
    """Statements without a question to a formalizer, each with the reason."""
    attempts: tuple[Attempt, ...]

    @property
    def endings(self) -> tuple[Ending, ...]:
        """The possible outcomes of its attempts, the success first."""
        return PROVING if self.method is None else FORMALIZING

    @property
    def metric(self) -> str:
        """The name of the metric before `@k`."""
        return "pass" if self.method is None else {"beq": "BEq", "beql": "BEqL", "beq+": "BEq+"}[self.method]

    @property
    def solved(self) -> str:
        """The word for a problem with a success."""
        return "solved" if self.method is None else "stated"
