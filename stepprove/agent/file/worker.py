"""One Lean process at work on a file: search each hole, then assemble the proofs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import Literal

from stepprove.agent.file.incremental_file import IncrementalFile
from stepprove.agent.file.options import FileRefused, FileTooSlow, Listener, ProveOptions, Searched, Working
from stepprove.agent.file.proof_cache import ProofCache
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.retry import retry_lost_process
from stepprove.agent.search.disprove import disprove
from stepprove.agent.search.search import SearchOutcome, SearchResult, block, search
from stepprove.agent.search.session import ReplSession
from stepprove.faults import fault_told
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import errors_of
from stepprove.lean_project.messages import COMPLETED, refuses_the_type
from stepprove.lean_project.repl.protocol import ErrorResponse, Sorry
from stepprove.lean_project.repl.repl import Repl, ReplFailure, ReplTimeout
from stepprove.lean_project.source.file import Edit, Hole, SourceFile, apply_edits, fill_hole
from stepprove.outcome import Outcome

CHUNK_SECONDS = 120.0
"""Seconds for one chunk of the user's file."""
FIRST_LOOK_SECONDS = 4.0
"""Seconds of search before the first attempt to disprove a hole."""
DISPROOF_SHARE = 0.1
"""The share of a hole's time for the first attempt to disprove it."""


def blank_result(source: SourceFile, hole: Hole) -> HoleResult:
    """Return a result that only places the hole."""
    declaration = next((d for d in source.declarations if hole.index in d.holes), None)
    name = None if declaration is None else declaration.full_name or declaration.keyword
    return HoleResult(
        index=hole.index, line=hole.line, column=hole.column, declaration=name, outcome=Outcome.FAILED
    )


class Worker:
    """One Lean process and its state of the file."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions, repl: Repl) -> None:
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

    # The search.

    def attempt(self, hole: Hole, listen: Listener, stop: Event) -> HoleResult:
        """Search for a proof of one hole in the original text."""
        return self.search_after(hole, self.chunks, self.options.time_limit, listen, stop)

    def search_after(
        self, hole: Hole, before: Sequence[str], seconds: float, listen: Listener, stop: Event
    ) -> HoleResult:
        """Search for a proof of one hole after the chunks `before` (one chunk too many does no harm)."""
        started = time.monotonic()
        prefix = list(before[: hole.chunk])
        result, sorry = self.inspect_hole(hole, prefix, stop)
        if sorry is not None:
            result = self.search_both(hole, prefix, sorry, result, seconds, listen, stop)
        return result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})

    def inspect_hole(self, hole: Hole, prefix: Sequence[str], stop: Event) -> tuple[HoleResult, Sorry | None]:
        """Return the result of a hole that needs no search; else a blank result and the hole's goal."""
        blank = self.blank(hole)
        if stop.is_set():
            return blank.model_copy(
                update={"outcome": Outcome.TIMEOUT, "reason": "stopped before its turn"}
            ), None
        try:
            sorry, wants_data = retry_lost_process(lambda: self.goal_of(hole, prefix), stop.is_set)
            if sorry is None:
                return blank.model_copy(update={"reason": "Lean shows no goal at this place"}), None
            blank = blank.model_copy(update={"goal": sorry.goal})
            if wants_data:
                return blank.model_copy(update={"reason": "it asks for data, not for a proof"}), None
        except ReplTimeout as late:
            return blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)}), None
        except ReplFailure as failure:
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)}), None
        return self.recall_proof(hole, prefix, sorry, blank)

    def recall_proof(
        self, hole: Hole, prefix: Sequence[str], sorry: Sorry, blank: HoleResult
    ) -> tuple[HoleResult, Sorry | None]:
        """Return a cached proof that still holds; else the result and goal unchanged."""
        cached = None if self.cache is None else self.cache.recall(self.key(self.cache, hole, prefix))
        if cached is None or not self.holds(sorry, cached[0]):
            return blank, sorry
        proof, found_by = cached
        update = {"outcome": Outcome.PROVED, "proof": proof, "found_by": found_by, "remembered": True}
        return blank.model_copy(update=update), None

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

    def search_both(
        self,
        hole: Hole,
        prefix: Sequence[str],
        sorry: Sorry,
        blank: HoleResult,
        seconds: float,
        listen: Listener,
        stop: Event,
    ) -> HoleResult:
        """Search for a proof and for a proof of the negation."""

        def open_root() -> tuple[int, tuple[str, ...]]:
            found = self.find(hole, prefix)
            if found is None or found.proof_state is None:
                raise ReplFailure("Lean no longer shows the goal")
            return found.proof_state, (found.goal,)

        session = ReplSession(self.repl, open_root)
        deadline = time.monotonic() + seconds
        definitions = tuple(
            d.full_name
            for d in self.source.declarations
            if d.full_name and d.keyword in {"def", "abbrev"} and d.chunk < hole.chunk
        )

        if self.options.standby:
            self.repl.keep_standby()  # only now: a run that recalls every proof starts one Lean, not two

        def try_for(budget: float) -> SearchResult:
            found = search(
                retry_lost_process(session.root, stop.is_set),
                session,
                budget,
                mathlib=self.engine.mathlib is not None,
                seed=self.options.seed,
                on_progress=lambda progress: listen(Working(hole.index, progress)),
                cancelled=stop.is_set,
                definitions=definitions,
            )
            listen(Searched(hole.index, found))
            return found

        try:
            # First a short search, then a short disproof, then the rest of the time for each.
            result = try_for(min(FIRST_LOOK_SECONDS, seconds / 3))
            for longer, share in ((False, DISPROOF_SHARE), (True, 1.0)):
                if result.found or result.outcome is SearchOutcome.INFRASTRUCTURE:
                    break
                left = deadline - time.monotonic()
                if longer and left > 0.2:
                    result = try_for(left)
                left = deadline - time.monotonic()
                if result.found or left <= 0.2 or stop.is_set():
                    break
                patience = min(left, max(1.0, seconds * share))
                attempt = partial(disprove, self.repl, open_root, patience, cancelled=stop.is_set)
                against = retry_lost_process(attempt, stop.is_set)
                if against.found:
                    return blank.model_copy(
                        update={
                            "outcome": Outcome.DISPROVED,
                            "proof": "\n".join(against.script),
                            "found_by": against.found_by,
                            "counterexample": against.counterexample,
                            "reason": "its negation is proved",
                        }
                    )
        except ReplTimeout as late:
            return blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)})
        except ReplFailure as failure:
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        except Exception as fault:  # a model may still prove the hole
            reason = fault_told(fault, f"the search at line {hole.line}")
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": reason})
        match result.outcome:
            case SearchOutcome.FOUND:
                script = "\n".join(result.script)
                self.keep(hole, prefix, script, result.found_by)
                update = {"outcome": Outcome.PROVED, "proof": script, "found_by": result.found_by}
            case SearchOutcome.EXHAUSTED:
                update = {"outcome": Outcome.FAILED, "reason": "nothing that was tried proves it"}
            case SearchOutcome.INFRASTRUCTURE:
                update = {"outcome": Outcome.INFRASTRUCTURE, "reason": result.reason}
            case SearchOutcome.CANCELLED:
                update = {"outcome": Outcome.TIMEOUT, "reason": "stopped"}
            case SearchOutcome.OUT_OF_TIME:
                update = {"outcome": Outcome.TIMEOUT, "reason": f"no proof within {seconds:g} s"}
        return blank.model_copy(update=update)

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

    # The assembly.

    def assemble(self, hole_results: Sequence[HoleResult], listen: Listener, stop: Event) -> list[HoleResult]:
        """Put the proofs into the file from the top, each after the present text above it."""
        results = {r.index: r for r in hole_results}
        before: list[str] = []
        for number, chunk in enumerate(self.chunks):
            mine = [h for h in self.source.holes if h.chunk == number and h.index in results]
            for hole in mine:
                if results[hole.index].outcome is Outcome.PROVED:
                    results[hole.index] = self.confirm(hole, before, results[hole.index], listen, stop)
            before.append(self.fit_proofs(number, mine, before, results) if mine else chunk)
        return [results[index] for index in sorted(results)]

    def fit_proofs(
        self, number: int, mine: Sequence[Hole], before: Sequence[str], results: dict[int, HoleResult]
    ) -> str:
        """Return a chunk with those of its proofs that hold there.

        A proof that breaks the chunk is tried as the other kind of hole, which the text alone cannot always
        show, and then dropped.
        """
        proved = {h.index: results[h.index] for h in mine if results[h.index].outcome is Outcome.PROVED}
        if not proved or self.chunk_failure(before, self.filled(number, proved)) is None:
            return self.filled(number, proved)
        kept: dict[int, HoleResult] = {}
        for index, result in proved.items():
            first = None
            for kind in self.kinds[index], "term" if self.kinds[index] == "tactic" else "tactic":
                self.kinds[index] = kind
                trouble = self.chunk_failure(before, self.filled(number, {**kept, index: result}))
                first = first or trouble
                if trouble is None:
                    kept[index] = result
                    break
            else:
                assert first is not None
                results[index] = result.model_copy(update={"outcome": first[0], "reason": first[1]})
        return self.filled(number, kept)

    def chunk_failure(self, before: Sequence[str], chunk: str) -> tuple[Outcome, str] | None:
        """Return the outcome and reason of a chunk that fails after the chunks `before`; None if Lean accepts it."""
        try:
            errors = errors_of(retry_lost_process(lambda: self.chain.answers([*before, chunk]))[-1].messages)
        except ReplTimeout as late:
            return Outcome.TIMEOUT, str(late)
        except ReplFailure as failure:
            return Outcome.INFRASTRUCTURE, str(failure)
        if not errors:
            return None
        return Outcome.FAILED, f"it does not hold in the file: {errors[0].data.partition(chr(10))[0]}"

    def confirm(
        self, hole: Hole, before: Sequence[str], result: HoleResult, listen: Listener, stop: Event
    ) -> HoleResult:
        """Check a proof again after the chunks `before`; search again if it no longer holds."""
        assert result.proof is not None
        script = result.proof

        def objected() -> str | None:
            sorry = self.find(hole, before)
            return "Lean no longer shows its goal" if sorry is None else self.objection(sorry, script)

        try:
            objection = retry_lost_process(objected, stop.is_set)
        except ReplTimeout as late:
            return result.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)})
        except ReplFailure as failure:
            return result.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        if objection == "":
            self.unconfirmed.add(hole.index)
        if not objection:
            return result
        if list(before) != self.chunks[: hole.chunk]:
            return self.search_after(
                hole, before, max(5.0, self.options.time_limit - result.seconds), listen, stop
            )
        outcome = Outcome.REJECTED if "rests on" in objection else Outcome.FAILED
        return result.model_copy(update={"outcome": outcome, "reason": objection})

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
