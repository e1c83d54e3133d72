"""The results of a file's holes, as plain data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.gate import Verdict
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Usage


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoleResult(_Record):
    """One `sorry` and its outcome."""

    index: int
    """From 0, in the order of the file."""
    line: int
    """From 1."""
    column: int
    """From 0, in codepoints, as Lean counts."""
    declaration: str | None
    outcome: Outcome
    goal: str | None = None
    proof: str | None = None
    """The text that replaces the hole if proved; the proof of the negation if disproved."""
    found_by: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    partial: str | None = None
    """The best proof of a model that Lean accepts except for a `sorry` in it."""
    counterexample: str | None = None
    remembered: bool = False
    """An earlier run on the same text found this proof; this run has checked it again."""


class ProveReport(_Record):
    """The result of a file."""

    holes: tuple[HoleResult, ...]
    verdicts: tuple[Verdict, ...]
    """The gate's verdict on each declaration that had a hole, in the present text."""
    text: str
    """The whole file with its proofs; every other character is unchanged."""
    seconds: float
    usage: Usage = Usage()
    """Tokens that the model read and wrote."""
    dollars: float = 0.0
    """The price of these tokens."""

    @property
    def complete(self) -> bool:
        """Whether every selected hole is proved."""
        return all(hole.outcome is Outcome.PROVED for hole in self.holes)

    def count(self, outcome: Outcome) -> int:
        """Return the number of holes with this outcome."""
        return sum(hole.outcome is outcome for hole in self.holes)
