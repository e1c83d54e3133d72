"""Fill the holes of a file: search each, put what was found together, and let the trust gate have the last word.

Three passes. The search looks at each hole on its own, the other holes still open, on as many Lean processes as there are
jobs. The assembly walks the file from the top with the proofs in place, and searches again where one no longer holds
(a definition's hole may have been filled meanwhile). The gate then judges the whole file; a proof that it turns away
is taken out again, and the hole stays `sorry`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event

from stepprove.agent.chain import Chain
from stepprove.agent.disprove import disprove
from stepprove.agent.memory import Memory
from stepprove.agent.report import HoleResult, ProveReport
from stepprove.agent.search import Progress, SearchOutcome, block, search
from stepprove.agent.session import ReplSession
from stepprove.lean_project.engine import Engine
from stepprove.lean_project.examples import name_examples
from stepprove.lean_project.gate import Judgement, Policy, Verdict, inspect, judge
from stepprove.lean_project.outcome import Outcome
from stepprove.lean_project.protocol import Sorry
from stepprove.lean_project.repl import Repl, ReplFailure, ReplTimeout
from stepprove.lean_project.source import Edit, Hole, SourceFile, apply_edits, fill_hole

CHUNK_SECONDS = 120.0
"""For one chunk of the user's own file."""
MEMORY_LIMIT_MB = 1700.0
"""The embedded engine can address 2 GB; beyond this it is replaced."""
FIRST_LOOK_SECONDS = 4.0
"""Before a hole's negation is looked at."""
DISPROOF_SHARE = 0.15
"""Of a hole's time."""


class FileRefused(Exception):
    """The file cannot be worked on as it is; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """How to go about a file."""

    theorems: tuple[str, ...] = ()
    """Only the holes of these declarations; empty for all."""
    time_limit: float = 60.0
    """Seconds for each hole."""
    jobs: int = 1
    """Lean processes at once."""
    seed: int = 0
    policy: Policy = field(default_factory=Policy)
    prelude: str | None = None
    """Elaborated in place of the file's imports."""
    remember: bool = True
    """Whether proofs that an earlier run found on the same text are tried first."""


@dataclass(frozen=True, slots=True)
class Started:
    """A hole is being worked on."""

    hole: int


@dataclass(frozen=True, slots=True)
class Working:
    """How far the search for a hole's proof is."""

    hole: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Finished:
    """What the search, not yet the gate, says of a hole."""

    result: HoleResult


Listener = Callable[[Started | Working | Finished], None]


def prove_source(
    source: SourceFile,
    engine: Engine,
    options: ProveOptions = ProveOptions(),  # noqa: B008 - frozen
    *,
    listen: Listener = lambda _: None,
    cancelled: Event | None = None,
) -> ProveReport:
    """Fill the holes of a source text.

    `listen` is told what happens, from any thread. Setting `cancelled` ends the search; what was found until then is still
    assembled and judged.

    Raises FileRefused for a text that cannot be worked on, ReplFailure when Lean cannot be run at all.
    """
    started = time.monotonic()
    stop = cancelled or Event()
    wanted = _select(source, options.theorems)
    with _Workers(source, engine, options) as workers:
        first = workers.borrow()
        try:
            first.check_original()
        finally:
            workers.give_back(first)
        found = _search_all(workers, wanted, listen, stop)
        worker = workers.borrow()
        results = worker.assemble(found, listen, stop)
        text, results, verdicts = worker.settle(results)
    return ProveReport(
        holes=tuple(results), verdicts=verdicts, text=text, seconds=time.monotonic() - started
    )


def _select(source: SourceFile, theorems: Sequence[str]) -> list[Hole]:
    """The holes to work on. Raises FileRefused for a name that the file does not have."""
    if not theorems:
        return list(source.holes)
    indices: set[int] = set()
    for name in theorems:
        same = [
            d
            for d in source.declarations
            if d.name is not None and name in {d.name, d.full_name, (d.full_name or "").rsplit(".", 1)[-1]}
        ]
        if not same:
            known = ", ".join(d.full_name or "" for d in source.declarations if d.full_name and d.holes)
            raise FileRefused(
                f"there is no declaration `{name}`" + (f"; with a hole there are: {known}" if known else "")
            )
        indices.update(i for d in same for i in d.holes)
    return [hole for hole in source.holes if hole.index in indices]


def _search_all(workers: _Workers, holes: Sequence[Hole], listen: Listener, stop: Event) -> list[HoleResult]:
    def one(hole: Hole) -> HoleResult:
        worker = workers.borrow()
        try:
            listen(Started(hole.index))
            result = worker.attempt(hole, listen, stop)
        finally:
            workers.give_back(worker)
        listen(Finished(result))
        return result

    with ThreadPoolExecutor(max_workers=workers.count) as pool:
        futures = [pool.submit(one, hole) for hole in holes]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


class _Workers:
    """The Lean processes of a run, lent out one at a time."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions) -> None:
        self.count = max(1, min(options.jobs, len(source.holes)))
        self._all = [_Worker(source, engine, options) for _ in range(self.count)]
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._all:
            self._free.put(worker)

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.repl.close()

    def borrow(self) -> _Worker:
        return self._free.get()

    def give_back(self, worker: _Worker) -> None:
        self._free.put(worker)


class _Worker:
    """One Lean process and what it knows of the file."""

    def __init__(self, source: SourceFile, engine: Engine, options: ProveOptions) -> None:
        self.source = source
        self.engine = engine
        self.options = options
        self.repl = Repl(engine, timeout=CHUNK_SECONDS, standby=True, memory_limit_mb=MEMORY_LIMIT_MB)
        # `admit` is a macro for `sorry`, but Lean shows a goal only for `sorry`: to Lean, and only to it, holes are spelled so.
        self.text = apply_edits(source.text, [Edit(h.start, h.end, "sorry") for h in source.holes])
        header = source.text[: source.header_end]
        if options.prelude is not None:
            base: tuple[str, ...] = (options.prelude,)
        else:
            base = (header,) if source.imports else ()
        self.base = base
        self.chain = Chain(self.repl, base=base, timeout=CHUNK_SECONDS)
        self.chunks = [self.text[chunk.start : chunk.end] for chunk in source.chunks]
        self.memory = Memory() if options.remember else None
        self.unconfirmed: set[int] = set()
        """Holes whose proof Lean cannot check apart from their declaration."""

    # The user's own text.

    def check_original(self) -> None:
        """Raise FileRefused when the text has errors of its own."""
        for chunk, answer in zip(self.source.chunks, self.chain.answers(self.chunks), strict=True):
            if answer.has_errors:
                error = answer.errors[0]
                line = chunk.line + error.pos.line - 1
                said = error.data.splitlines()[0] if error.data else "an error"
                raise FileRefused(f"line {line} has an error of its own, to be mended first: {said}")

    # The search.

    def attempt(self, hole: Hole, listen: Listener, stop: Event) -> HoleResult:
        """Look for a proof of one hole in the original text."""
        return self.look(hole, self.chunks, self.options.time_limit, listen, stop)

    def look(
        self, hole: Hole, before: Sequence[str], seconds: float, listen: Listener, stop: Event
    ) -> HoleResult:
        """Look for a proof of one hole of an original chunk, after the chunks `before` (one too many does no harm)."""
        started = time.monotonic()
        blank = self.blank(hole)
        if stop.is_set():
            return blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": "stopped before its turn"})
        prefix = list(before[: hole.chunk])
        try:
            sorry = self.find(hole, prefix)
        except ReplTimeout as late:
            return blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)})
        except ReplFailure as failure:
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        if sorry is None:
            return blank.model_copy(update={"reason": "Lean shows no goal at this place"})
        result = self.pursue(hole, prefix, sorry, blank.model_copy(update={"goal": sorry.goal}), seconds, listen, stop)
        return result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})

    def blank(self, hole: Hole) -> HoleResult:
        declaration = next((d for d in self.source.declarations if hole.index in d.holes), None)
        name = None if declaration is None else declaration.full_name or declaration.keyword
        return HoleResult(
            index=hole.index, line=hole.line, column=hole.column, declaration=name, outcome=Outcome.FAILED
        )

    def find(self, hole: Hole, prefix: Sequence[str]) -> Sorry | None:
        """The hole's goal as Lean has it: the report at the hole's place."""
        answer = self.chain.answers([*prefix, self.chunks[hole.chunk]])[-1]
        line = hole.line - self.source.chunks[hole.chunk].line + 1
        at = [s for s in answer.sorries if s.pos and (s.pos.line, s.pos.column) == (line, hole.column)]
        return at[-1] if at else None

    def pursue(
        self,
        hole: Hole,
        prefix: Sequence[str],
        sorry: Sorry,
        blank: HoleResult,
        seconds: float,
        listen: Listener,
        stop: Event,
    ) -> HoleResult:
        key = None
        if self.memory is not None:
            place = sum(other.chunk == hole.chunk and other.index < hole.index for other in self.source.holes)
            key = self.memory.key(
                self.engine.lean_version, [*self.base, *prefix], self.chunks[hole.chunk], place
            )
            known = self.memory.recall(key)
            if known is not None and self.holds(sorry, known[0]):
                return blank.model_copy(
                    update={
                        "outcome": Outcome.PROVED,
                        "proof": known[0],
                        "found_by": known[1],
                        "remembered": True,
                    }
                )

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

        def try_for(budget: float):  # type: ignore[no-untyped-def]
            return search(
                session.root(),
                session,
                budget,
                mathlib=self.engine.mathlib is not None,
                seed=self.options.seed,
                on_progress=lambda progress: listen(Working(hole.index, progress)),
                cancelled=stop.is_set,
                definitions=definitions,
            )

        try:
            result = try_for(min(FIRST_LOOK_SECONDS, seconds / 3))
            if not result.found and result.outcome is not SearchOutcome.INFRASTRUCTURE and not stop.is_set():
                against = disprove(
                    self.repl, open_root, max(1.0, seconds * DISPROOF_SHARE), cancelled=stop.is_set
                )
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
                left = deadline - time.monotonic()
                if left > 0.2:
                    result = try_for(left)
        except ReplTimeout as late:
            return blank.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)})
        except ReplFailure as failure:
            return blank.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        match result.outcome:
            case SearchOutcome.FOUND:
                script = "\n".join(result.script)
                if self.memory is not None and key is not None:
                    self.memory.keep(key, script, result.found_by)
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
        """Whether a script closes a hole's goal, and what closes it rests on allowed axioms only."""
        return self.objection(sorry, script) is None

    def objection(self, sorry: Sorry, script: str) -> str | None:
        """What speaks against a script, run on the hole's goal alone; None when nothing does, "" when Lean cannot tell alone."""
        if sorry.proof_state is None:
            return ""
        try:
            answer = self.repl.request(
                {"tactic": block(script), "proofState": sorry.proof_state, "axioms": True}
            )
        except ReplFailure as failure:
            return str(failure)
        if "message" in answer:
            return str(answer["message"])
        errors = [m["data"] for m in answer.get("messages", ()) if m["severity"] == "error"]
        if errors or answer.get("goals"):
            return errors[0] if errors else "goals remain"
        if answer.get("proofStatus") != "Completed":
            return ""
        extra = [a for a in answer.get("axioms", ()) if a not in self.options.policy.allowed_axioms]
        if extra:
            return "the proof found rests on " + ", ".join(
                "an unproved declaration (`sorry`)" if a == "sorryAx" else f"the axiom `{a}`" for a in extra
            )
        return None

    # The assembly.

    def assemble(self, found: Sequence[HoleResult], listen: Listener, stop: Event) -> list[HoleResult]:
        """Put the proofs into the file from the top, each in the environment of the text above it as it then stands."""
        results = {r.index: r for r in found}
        before: list[str] = []
        for number, chunk in enumerate(self.chunks):
            mine = [h for h in self.source.holes if h.chunk == number and h.index in results]
            for hole in mine:
                if results[hole.index].outcome is Outcome.PROVED:
                    results[hole.index] = self.confirm(hole, before, results[hole.index], listen, stop)
            before.append(self.filled(number, results) if mine else chunk)
        return [results[index] for index in sorted(results)]

    def confirm(
        self, hole: Hole, before: Sequence[str], result: HoleResult, listen: Listener, stop: Event
    ) -> HoleResult:
        """Check a proof again after the chunks `before`; search again where it no longer holds."""
        assert result.proof is not None
        try:
            sorry = self.find(hole, before)
            objection = "Lean no longer shows its goal" if sorry is None else self.objection(sorry, result.proof)
        except ReplFailure as failure:
            return result.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        if objection == "":
            self.unconfirmed.add(hole.index)
        if not objection:
            return result
        if list(before) != self.chunks[: hole.chunk]:
            return self.look(hole, before, max(5.0, self.options.time_limit - result.seconds), listen, stop)
        outcome = Outcome.REJECTED if "rests on" in objection else Outcome.FAILED
        return result.model_copy(update={"outcome": outcome, "reason": objection})

    def filled(self, number: int, results: dict[int, HoleResult]) -> str:
        """A chunk with its proofs in the place of its holes."""
        chunk = self.source.chunks[number]
        edits = [
            Edit(e.start - chunk.start, e.end - chunk.start, e.text)
            for e in _edits(self.source, [r for i, r in results.items() if self.source.holes[i].chunk == number])
        ]
        return apply_edits(self.chunks[number], edits)

    # The gate.

    def settle(self, results: list[HoleResult]) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
        """Judge the file; take out what the gate turns away, until what is left stands."""
        trial = _Trial(self, self.chunks)
        for _ in range(len(results) + 1):
            edits = _edits(self.source, results)
            judgement = trial.judge(edits)
            after = trial.heed(results, judgement)
            if after == results:
                return apply_edits(self.source.text, edits), results, trial.reported(judgement)
            results = after
        raise AssertionError("each round takes at least one proof out")


class _Trial:
    """The gate applied to a file whose holes are filled, one round after another."""

    def __init__(self, worker: _Worker, chunks: Sequence[str]) -> None:
        self.worker = worker
        self.source = worker.source
        worker_chain = worker.chain
        holed = {h.chunk for h in self.source.holes}

        def elaborates(number: int, text: str) -> bool:
            if number not in holed:
                return False
            return not worker_chain.answers([*chunks[:number], text])[-1].has_errors

        self.examples = name_examples(self.source, elaborates)
        self.env = worker_chain.environment(())
        self.original = self.body([])
        self.names = {number: self.declared(number) for number in sorted(holed)}
        self.policy = worker.options.policy.model_copy(
            update={
                "only_holes": True,
                "fixed_by_text": frozenset(e.name for e in self.examples if not e.as_theorem),
            }
        )

    def body(self, edits: Sequence[Edit]) -> str:
        """The text after the header, with some holes filled and its examples named."""
        start = self.source.header_end if self.worker.base else 0
        moved = [
            Edit(e.start - start, e.end - start, e.text) for e in [*edits, *(e.edit for e in self.examples)]
        ]
        return apply_edits(self.worker.text[start:], sorted(moved, key=lambda e: e.start))

    def declared(self, number: int) -> frozenset[str]:
        """The names that a chunk declares, asked of Lean."""
        renamed = {e.chunk: e.edit for e in self.examples}
        chunks = []
        for i, chunk in enumerate(self.source.chunks[: number + 1]):
            edit = renamed.get(i)
            moved = [] if edit is None else [Edit(edit.start - chunk.start, edit.end - chunk.start, edit.text)]
            chunks.append(apply_edits(self.worker.chunks[i], moved))
        answers = [
            *self.worker.chain.answers(["", *chunks]),
        ]
        facts = inspect(self.worker.repl, answers[-1], answers[-2], replay=False)
        return frozenset(d.display for d in facts.declarations if d.statement == "new" and not d.internal)

    def judge(self, edits: Sequence[Edit]) -> Judgement:
        """The gate's word on the whole file."""
        self.env = self.worker.chain.environment(())
        return judge(
            self.worker.repl,
            self.original,
            self.body(edits),
            env=self.env,
            policy=self.policy,
            timeout=CHUNK_SECONDS,
        )

    def heed(self, results: list[HoleResult], judgement: Judgement) -> list[HoleResult]:
        """The results with what the gate turned away taken out."""
        if judgement.accepted:
            return results
        if judgement.outcome in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE} or (
            judgement.outcome is Outcome.REJECTED and not judgement.verdicts
        ):
            return [self.turned_away(r, judgement.outcome, judgement.reason) for r in results]
        broken = self.chunks_with_errors(results, judgement)
        if broken:
            return [
                self.turned_away(r, Outcome.FAILED, f"it does not hold in the file: {judgement.reason}")
                if self.source.holes[r.index].chunk in broken
                else r
                for r in results
            ]
        verdicts = {v.name: v for v in judgement.verdicts}
        return [self.weighed(r, results, verdicts) for r in results]

    def weighed(
        self, result: HoleResult, results: Sequence[HoleResult], verdicts: dict[str, Verdict]
    ) -> HoleResult:
        """One hole's result in the light of the verdict on its declaration."""
        if result.outcome is not Outcome.PROVED:
            return result
        number = self.source.holes[result.index].chunk
        names = self.names[number]
        own = {result.declaration} & names or names
        bad = [v for name in own if (v := verdicts.get(name)) and v.outcome is not Outcome.PROVED]
        if not bad:
            return result
        proved = {r.index for r in results if r.outcome is Outcome.PROVED}
        siblings = [h.index for h in self.source.holes if h.chunk == number]
        if not all(index in proved for index in siblings) and bad[0].outcome is Outcome.FAILED:
            if result.index not in self.worker.unconfirmed:
                return result  # its own goal is closed; what is missing is another hole
            return self.turned_away(result, Outcome.FAILED, "it cannot be checked beside an unproved hole")
        reason = bad[0].reason or "the gate turned it away"
        if bad[0].outcome is Outcome.FAILED:
            reason += " through another declaration"
        return self.turned_away(result, Outcome.REJECTED, reason)

    def turned_away(self, result: HoleResult, outcome: Outcome, reason: str | None) -> HoleResult:
        """A proof taken out again; results that are no proofs stay as they are."""
        if result.outcome is not Outcome.PROVED:
            return result
        return result.model_copy(update={"outcome": outcome, "reason": reason})

    def chunks_with_errors(self, results: Sequence[HoleResult], judgement: Judgement) -> set[int]:
        """The chunks in which Lean reports errors."""
        bad_lines = {m.pos.line for m in judgement.messages if m.severity == "error"}
        line = self.source.text[: self.source.header_end if self.worker.base else 0].count("\n")
        starts = []
        at = 1 + self.source.text[: self.source.header_end].count("\n") - line
        filled = {r.index: r for r in results}
        for number in range(len(self.source.chunks)):
            text = self.worker.filled(number, filled)
            starts.append((at, at + text.count("\n")))
            at += text.count("\n")
        return {
            number for number, (start, end) in enumerate(starts) for bad in bad_lines if start <= bad <= end
        }

    def reported(self, judgement: Judgement) -> tuple[Verdict, ...]:
        """The verdicts on declarations that had holes, examples by their line."""
        lines = {e.name: e.line for e in self.examples}
        concerned = frozenset[str]().union(*self.names.values())
        return tuple(
            v.model_copy(update={"name": f"example (line {lines[v.name]})"}) if v.name in lines else v
            for v in judgement.verdicts
            if v.name in concerned
        )


def _edits(source: SourceFile, results: Sequence[HoleResult]) -> list[Edit]:
    return [
        fill_hole(source, source.holes[r.index], r.proof)
        for r in results
        if r.outcome is Outcome.PROVED and r.proof is not None
    ]
