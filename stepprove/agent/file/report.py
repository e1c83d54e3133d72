"""What became of each hole of a file, as plain data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from stepprove.lean_project.gate.gate import Verdict
from stepprove.outcome import Outcome
from stepprove.serving.client.exchange import Usage


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoleResult(_Record):
    """One `sorry` and what became of it."""

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
    """The text that stands in the hole's place, when proved; the proof of the negation, when disproved."""
    found_by: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    partial: str | None = None
    """The best proof of a model that Lean accepts but for a `sorry` in it."""
    counterexample: str | None = None
    remembered: bool = False
    """The proof was found by an earlier run on the same text, and checked again now."""


class ProveReport(_Record):
    """What became of a file."""

    holes: tuple[HoleResult, ...]
    verdicts: tuple[Verdict, ...]
    """The gate's word on every declaration that had a hole, in the text as it now stands."""
    text: str
    """The whole file with its proofs, every other character as it was."""
    seconds: float
    usage: Usage = Usage()
    """Tokens of the model."""
    dollars: float = 0.0
    """What they cost, at the prices given."""

    @property
    def complete(self) -> bool:
        """Whether every hole asked about is proved."""
        return all(hole.outcome is Outcome.PROVED for hole in self.holes)

    def count(self, outcome: Outcome) -> int:
        """How many holes ended so."""
        return sum(hole.outcome is outcome for hole in self.holes)
