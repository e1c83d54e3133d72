"""Read a trace: the events of each hole, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


def check_state(check: Record) -> str:
    """Return the state of a check: `clean`, `open` (a `sorry`, but no error), `errors`, or `lost` (Lean gave no answer)."""
    if check["outcome"] != "answered":
        return "lost"
    feedback = check["feedback"]
    is_open = '"sorries"' in feedback and '"severity": "error"' not in feedback
    return (
        "clean" if check["clean"] else "open" if is_open or "It has a `sorry` in it" in feedback else "errors"
    )


def moves_and_goals(graph: Record) -> dict[int, list[int]]:
    """Return the children of each node of a `graph` record: the moves on a goal, the goals that a move leaves."""
    below: dict[int, list[int]] = {}
    for above, node in graph["edges"]:
        below.setdefault(above, []).append(node)
    return below


@dataclass(slots=True)
class AttemptTrace:
    """One attempt of a model."""

    name: str
    begun: Record
    events: list[Record] = field(default_factory=list)
    """Its turns, checks and partial proofs."""
    ended: Record | None = None
    """The verdict, or the reason that there is none; None if the run was killed first."""

    @property
    def outcome(self) -> str:
        """The verdict in a word."""
        if self.ended is None:
            return "unfinished"
        return str(self.ended["outcome"]) if self.ended["kind"] == "verdict" else "stopped"

    @property
    def turns(self) -> list[Record]:
        """The model's texts."""
        return [event for event in self.events if event["kind"] == "turn"]

    @property
    def tokens(self) -> int:
        """Tokens that the model read and wrote."""
        return sum(t.get("prompt_tokens", 0) + t.get("completion_tokens", 0) for t in self.turns)


@dataclass(slots=True)
class HoleTrace:
    """The events of one hole."""

    begun: Record
    graphs: list[Record] = field(default_factory=list)
    attempts: list[AttemptTrace] = field(default_factory=list)
    result: Record | None = None
    """The hole's result after the gate, or before it if the run ended first."""

    @property
    def outcome(self) -> str:
        """The hole's outcome in a word."""
        return "unfinished" if self.result is None else str(self.result["outcome"])

    @property
    def graph(self) -> Record | None:
        """The graph of a search with a proof, else the largest graph."""
        return max(self.graphs, key=lambda g: (bool(g.get("found_by")), len(g["nodes"])), default=None)


@dataclass(slots=True)
class RunTrace:
    """The events of a run."""

    run: Record
    holes: list[HoleTrace]
    end: Record | None
    """None if the run was killed or still goes on."""

    @property
    def tokens(self) -> int:
        """Tokens that the model read and wrote."""
        return sum(attempt.tokens for hole in self.holes for attempt in hole.attempts)

    def count(self, outcome: str) -> int:
        """Return the number of holes with this outcome."""
        return sum(hole.outcome == outcome for hole in self.holes)


def read_run_trace(records: Iterable[Record]) -> RunTrace:
    """Put the records of a trace together; those that belong to nothing known are passed over."""
    run: Record = {}
    end: Record | None = None
    holes: dict[int, HoleTrace] = {}
    attempts: dict[str, AttemptTrace] = {}
    for record in records:
        kind = record["kind"]
        hole = holes.get(record.get("hole", -1))
        attempt = attempts.get(record.get("attempt", ""))
        if kind == "run":
            run = record
        elif kind == "end":
            end = record
        elif kind == "hole":
            holes[record["hole"]] = HoleTrace(record)
        elif hole is not None and kind == "graph":
            hole.graphs.append(record)
        elif hole is not None and kind == "attempt":
            attempts[record["attempt"]] = attempt_trace = AttemptTrace(record["attempt"], record)
            hole.attempts.append(attempt_trace)
        elif hole is not None and kind in ("found", "result"):
            hole.result = record
        elif attempt is not None and kind in ("turn", "check", "partial"):
            attempt.events.append(record)
        elif attempt is not None and kind in ("verdict", "stopped"):
            attempt.ended = record
            attempt.events.append(record)
    return RunTrace(run, [holes[index] for index in sorted(holes)], end)
