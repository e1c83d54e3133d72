"""Search one hole of a file: for a proof, and for a proof of its negation."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Literal

from stepprove.agent.file.options import Listener, Searched, Working
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import OpenHole, Worker
from stepprove.agent.retry import retry_lost_process
from stepprove.agent.search.disprove import Disproof, disprove
from stepprove.agent.search.result import SearchOutcome, SearchResult
from stepprove.agent.search.search import ProofSearchOptions, search
from stepprove.agent.search.session import ReplSession
from stepprove.faults import fault_told
from stepprove.lean_project.repl.repl import ReplFailure, ReplTimeout
from stepprove.lean_project.source.file import Hole
from stepprove.outcome import Outcome

LEAST_SECONDS = 0.2
"""A phase is not worth less."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of the work on a hole."""

    side: Literal["proof", "disproof"]
    share: float
    """The most of the hole's time that it takes."""
    most: float = math.inf
    """The most seconds."""
    least: float = 0.0
    """Seconds that it may take whatever its share."""

    def seconds(self, whole: float, left: float) -> float:
        """Return its seconds.

        Args:
            whole: the hole's seconds.
            left: those that are left.
        """
        return min(left, max(self.least, min(self.most, self.share * whole)))


PHASES = (
    Phase("proof", 1 / 3, most=4.0),
    Phase("disproof", 0.1, least=1.0),
    Phase("proof", 1.0),
    Phase("disproof", 1.0, least=1.0),
)
"""First a short search, then a short disproof, then the rest of the time for each."""


def attempt_hole(
    worker: Worker, hole: Hole, before: Sequence[str], seconds: float, listen: Listener, stop: Event
) -> HoleResult:
    """Search for a proof of one hole.

    Args:
        worker: the Lean process and the file.
        hole: the hole.
        before: the present chunks above it; one too many does no harm.
        seconds: the time limit.
        listen: receives the events.
        stop: ends the search when set.
    """
    started = time.monotonic()
    result = worker.inspect_hole(hole, before[: hole.chunk], stop)
    if isinstance(result, OpenHole):
        result = HoleSearch(worker, result, listen, stop).run(seconds)
    return result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})


class HoleSearch:
    """The search on one open hole."""

    def __init__(self, worker: Worker, place: OpenHole, listen: Listener, stop: Event) -> None:
        self.worker, self.place, self.listen, self.stop = worker, place, listen, stop
        self.session = ReplSession(worker.repl, self._open_root)

    def run(self, seconds: float) -> HoleResult:
        """Search for so many seconds; every failure is the hole's outcome."""
        if self.worker.options.standby:
            self.worker.repl.keep_standby()  # only now: a run that recalls every proof starts one Lean, not two
        try:
            result = self._phases(seconds)
        except ReplTimeout as late:
            return self._ended(Outcome.TIMEOUT, str(late))
        except ReplFailure as failure:
            return self._ended(Outcome.INFRASTRUCTURE, str(failure))
        except Exception as fault:  # a model may still prove the hole
            reason = fault_told(fault, f"the search at line {self.place.hole.line}")
            return self._ended(Outcome.INFRASTRUCTURE, reason)
        return self._disproved(result) if isinstance(result, Disproof) else self._searched(result, seconds)

    def _phases(self, seconds: float) -> SearchResult | Disproof:
        """Return the first proof or disproof, else the last search without one."""
        deadline = time.monotonic() + seconds
        result: SearchResult | None = None
        for phase in PHASES:
            left = deadline - time.monotonic()
            enough = left > LEAST_SECONDS
            if phase.side == "proof" and (enough or result is None):
                result = self._prove(phase.seconds(seconds, left))
                if result.found or result.outcome is SearchOutcome.INFRASTRUCTURE:
                    break
            elif phase.side == "disproof":
                if not enough or self.stop.is_set():
                    break
                against = self._disprove(phase.seconds(seconds, left))
                if against.found:
                    return against
        assert result is not None
        return result

    def _prove(self, seconds: float) -> SearchResult:
        source, hole = self.worker.source, self.place.hole
        definitions = tuple(
            d.full_name
            for d in source.declarations
            if d.full_name and d.keyword in {"def", "abbrev"} and d.chunk < hole.chunk
        )
        found = search(
            retry_lost_process(self.session.root, self.stop.is_set),
            self.session,
            ProofSearchOptions(
                seconds,
                mathlib=self.worker.engine.mathlib is not None,
                seed=self.worker.options.seed,
                on_progress=lambda progress: self.listen(Working(hole.index, progress)),
                cancelled=self.stop.is_set,
                definitions=definitions,
            ),
        )
        self.listen(Searched(hole.index, found))
        return found

    def _disprove(self, seconds: float) -> Disproof:
        attempt = partial(disprove, self.worker.repl, self._open_root, seconds, cancelled=self.stop.is_set)
        return retry_lost_process(attempt, self.stop.is_set)

    def _open_root(self) -> tuple[int, tuple[str, ...]]:
        """Return the hole's proof state and goal in the present process."""
        found = self.worker.find(self.place.hole, self.place.prefix)
        if found is None or found.proof_state is None:
            raise ReplFailure("Lean no longer shows the goal")
        return found.proof_state, (found.goal,)

    def _ended(self, outcome: Outcome, reason: str) -> HoleResult:
        return self.place.blank.model_copy(update={"outcome": outcome, "reason": reason})

    def _disproved(self, against: Disproof) -> HoleResult:
        return self.place.blank.model_copy(
            update={
                "outcome": Outcome.DISPROVED,
                "proof": "\n".join(against.script),
                "found_by": against.found_by,
                "counterexample": against.counterexample,
                "reason": "its negation is proved",
            }
        )

    def _searched(self, result: SearchResult, seconds: float) -> HoleResult:
        match result.outcome:
            case SearchOutcome.FOUND:
                script = "\n".join(result.script)
                self.worker.keep(self.place.hole, self.place.prefix, script, result.found_by)
                update = {"outcome": Outcome.PROVED, "proof": script, "found_by": result.found_by}
                return self.place.blank.model_copy(update=update)
            case SearchOutcome.EXHAUSTED:
                return self._ended(Outcome.FAILED, "nothing that was tried proves it")
            case SearchOutcome.INFRASTRUCTURE:
                return self._ended(Outcome.INFRASTRUCTURE, result.reason)
            case SearchOutcome.CANCELLED:
                return self._ended(Outcome.TIMEOUT, "stopped")
            case SearchOutcome.OUT_OF_TIME:
                return self._ended(Outcome.TIMEOUT, f"no proof within {seconds:g} s")
