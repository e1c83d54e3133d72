"""One Lean process at work on a file: its state of the text, the goals of the holes, and checks of proofs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Literal

from stepprove.agent.file.incremental_file import IncrementalFile
from stepprove.agent.file.options import FileRefused, FileTooSlow, ProveOptions
from stepprove.agent.file.proof_cache import ProofCache
from stepprove.agent.file.report import HoleResult
from stepprove.agent.retry import retry_lost_process
from stepprove.agent.search.script import block
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement, errors_of
from stepprove.lean_project.messages import COMPLETED, refuses_the_type
from stepprove.lean_project.repl.protocol import ErrorResponse, Sorry
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplTimeout
from stepprove.lean_project.source.file import Edit, Hole, SourceFile, apply_edits, fill_hole
from stepprove.outcome import Outcome

CHUNK_SECONDS = 120.0
"""Seconds for one chunk of the user's file."""


def blank_result(source: SourceFile, hole: Hole) -> HoleResult:
    """Return a result that only places the hole."""
    declaration = next((d for d in source.declarations if hole.index in d.holes), None)
    name = None if declaration is None else declaration.full_name or declaration.keyword
    return HoleResult(
        index=hole.index, line=hole.line, column=hole.column, declaration=name, outcome=Outcome.FAILED
    )


def _ended(blank: HoleResult, outcome: Outcome, reason: str) -> HoleResult:
    return blank.model_copy(update={"outcome": outcome, "reason": reason})


@dataclass(frozen=True, slots=True)
class OpenHole:
    """A hole that needs a proof, as Lean shows it."""

    hole: Hole
    prefix: tuple[str, ...]
    """The chunks before its own."""
    sorry: Sorry
    """Its goal and proof state."""
    blank: HoleResult
    """A result that places it."""


class Worker:
    """One Lean process and its state of the file."""

    def __init__(
        self,
        source: SourceFile,
        engine: Engine,
        options: ProveOptions,
        repl: Repl,
        judged: dict[str, Judgement] | None = None,
    ) -> None:
        self.source = source
        self.engine = engine
        self.options = options
        self.repl = repl
        # `admit` is a macro for `sorry`, but Lean reports a goal only for `sorry`, so Lean receives `sorry` for both.
        self.text = apply_edits(source.text, [Edit(h.start, h.end, "sorry") for h in source.holes])
        header = source.header
        if options.prelude is not None:
            base: tuple[str, ...] = (options.prelude,)
        else:
            base = (header,) if source.imports else ()
        self.base = base
        self.chain = IncrementalFile(self.repl, base=base, timeout=CHUNK_SECONDS)
        self.chunks = [self.text[chunk.start : chunk.end] for chunk in source.chunks]
        self.cache = ProofCache() if options.remember else None
        self.judged = {} if judged is None else judged
        """The gate's verdicts on filled texts, which all workers of a run share: no text is gated twice."""
        self.unconfirmed: set[int] = set()
        """Holes whose proof Lean cannot check apart from their declaration."""
        self.patience = CHUNK_SECONDS
        """Seconds for the whole text at once; raised once the time of its chunks is known."""
        self.kinds: dict[int, Literal["tactic", "term"]] = {h.index: h.kind for h in source.holes}
        """Whether each hole is a tactic or a term: the text's guess, until Lean objects."""

    # The user's own text.

    def check_original(self) -> None:
        """Elaborate the text as the user wrote it.

        Raises:
            FileRefused: the text has errors of its own.
            ReplFailure: Lean gave no answer.
        """
        started = time.monotonic()
        try:
            answers = retry_lost_process(lambda: self.chain.answers(self.chunks))
            self.patience += 3 * (time.monotonic() - started)
        except ReplTimeout as late:
            if self.chain.reached is None:
                raise
            line = self.source.chunks[self.chain.reached].line
            raise FileTooSlow(f"line {line} keeps Lean busy for more than {late.seconds:g} s") from None
        for chunk, answer in zip(self.source.chunks, answers, strict=True):
            if errors := errors_of(answer.messages):
                error = errors[0]
                line = chunk.line + error.pos.line - 1
                first_line = error.data.splitlines()[0] if error.data else "an error"
                raise FileRefused(f"line {line} has an error of its own, to be mended first: {first_line}")

    # The holes.

    def inspect_hole(self, hole: Hole, prefix: Sequence[str], stop: Event) -> HoleResult | OpenHole:
        """Return the result of a hole that needs no search; else the hole with its goal.

        Args:
            hole: the hole.
            prefix: the chunks before its own.
            stop: ends the work when set.
        """
        blank = self.blank(hole)
        if stop.is_set():
            return _ended(blank, Outcome.TIMEOUT, "stopped before its turn")
        try:
            sorry, wants_data = retry_lost_process(lambda: self.goal_of(hole, prefix), stop.is_set)
        except ReplTimeout as late:
            return _ended(blank, Outcome.TIMEOUT, str(late))
        except ReplFailure as failure:
            return _ended(blank, Outcome.INFRASTRUCTURE, str(failure))
        if sorry is None:
            return _ended(blank, Outcome.FAILED, "Lean shows no goal at this place")
        blank = blank.model_copy(update={"goal": sorry.goal})
        if wants_data:
            return _ended(blank, Outcome.FAILED, "it asks for data, not for a proof")
        return self.recall_proof(OpenHole(hole, tuple(prefix), sorry, blank))

    def recall_proof(self, place: OpenHole) -> HoleResult | OpenHole:
        """Return the result with a cached proof that still holds; else the hole unchanged."""
        cached = None
        if self.cache is not None:
            cached = self.cache.recall(self.key(self.cache, place.hole, place.prefix))
        if cached is None or not self.holds(place.sorry, cached[0]):
            return place
        proof, found_by = cached
        update = {"outcome": Outcome.PROVED, "proof": proof, "found_by": found_by, "remembered": True}
        return place.blank.model_copy(update=update)

    def keep(self, hole: Hole, prefix: Sequence[str], script: str, found_by: str) -> None:
        """Store a proof in the cache."""
        if self.cache is not None:
            self.cache.keep(self.key(self.cache, hole, prefix), script, found_by)

    def key(self, cache: ProofCache, hole: Hole, prefix: Sequence[str]) -> str:
        """Return the cache key of a hole."""
        place = sum(other.chunk == hole.chunk and other.index < hole.index for other in self.source.holes)
        return cache.key(self.engine.lean_version, [*self.base, *prefix], self.chunks[hole.chunk], place)

    def blank(self, hole: Hole) -> HoleResult:
        """Return a result that only places the hole."""
        return blank_result(self.source, hole)

    def goal_of(self, hole: Hole, prefix: Sequence[str]) -> tuple[Sorry | None, bool]:
        """Return the hole's goal, and whether its type is data, not a proposition."""
        sorry = self.find(hole, prefix)
        return sorry, sorry is not None and self.asks_for_data(sorry)

    def find(self, hole: Hole, prefix: Sequence[str]) -> Sorry | None:
        """Return the goal that Lean reports at the hole's place."""
        answer = self.chain.answers([*prefix, self.chunks[hole.chunk]])[-1]
        line = hole.line - self.source.chunks[hole.chunk].line + 1
        at = [s for s in answer.sorries if s.pos and (s.pos.line, s.pos.column) == (line, hole.column)]
        return at[-1] if at else None

    def asks_for_data(self, sorry: Sorry) -> bool:
        """Return whether the goal is not a proposition: a filled-in value would change the meaning of the file."""
        if sorry.proof_state is None:
            return False
        answer = self.repl.tactic(sorry.proof_state, "show (_ : Prop)")
        return isinstance(answer, ErrorResponse) and refuses_the_type(answer.message)

    def holds(self, sorry: Sorry, script: str) -> bool:
        """Return whether Lean confirms that a script closes the goal on allowed axioms."""
        try:
            return self.objection(sorry, script) is None
        except ReplFailure:
            return False

    def objection(self, sorry: Sorry, script: str) -> str | None:
        """Check a script against the hole's goal alone.

        Returns:
            The objection; None if there is none; "" if Lean cannot check the goal alone.

        Raises:
            ReplFailure: Lean gave no answer, which decides nothing.
        """
        if sorry.proof_state is None:
            return ""
        answer = self.repl.request({"tactic": block(script), "proofState": sorry.proof_state, "axioms": True})
        if "message" in answer:
            return str(answer["message"])
        errors = [m["data"] for m in answer.get("messages", ()) if m["severity"] == "error"]
        if errors or answer.get("goals"):
            return errors[0] if errors else "goals remain"
        if answer.get("proofStatus") != COMPLETED:
            return ""
        extra = [a for a in answer.get("axioms", ()) if a not in self.options.policy.allowed_axioms]
        if extra:
            return "the proof found rests on " + ", ".join(
                "an unproved declaration (`sorry`)" if a == "sorryAx" else f"the axiom `{a}`" for a in extra
            )
        return None

    # The text with proofs.

    def filled(self, number: int, results: dict[int, HoleResult]) -> str:
        """Return a chunk with its holes replaced by proofs."""
        chunk = self.source.chunks[number]
        edits = [
            e.within(chunk.start)
            for e in self.fills([r for i, r in results.items() if self.source.holes[i].chunk == number])
        ]
        return apply_edits(self.chunks[number], edits)

    def fills(self, results: Sequence[HoleResult]) -> list[Edit]:
        """Return the edits that replace holes by proofs."""
        return [
            fill_hole(self.source, self.source.holes[r.index], r.proof, kind=self.kinds[r.index])
            for r in results
            if r.outcome is Outcome.PROVED and r.proof is not None
        ]
