"""The gate applied to a file whose holes are filled: what it turns away is taken out again, until what is left stands."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from stepprove.agent.file.incremental_file import Chain
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.retry import TRIES
from stepprove.agent.file.worker import CHUNK_SECONDS, Worker
from stepprove.lean_project.gate.gate import Judgement, Verdict, errors_of, facts_of, judge
from stepprove.lean_project.source.file import Edit, apply_edits
from stepprove.lean_project.source.name_examples import name_examples
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome


def settle(worker: Worker, results: list[HoleResult]) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
    """Judge the file with its proofs in it.

    Returns the text that stands, the results in the light of the verdicts, and the verdicts on that text.
    """
    trial = _Trial(worker)
    for _ in range(len(results) + 1):
        edits = worker.fills(results)
        judgement = trial.judge(edits)
        breached = judgement.violation is not None and bool(edits)
        after = trial.isolated(results, judgement) if breached else trial.heed(results, judgement)
        if after == results and not breached:
            return apply_edits(worker.source.text, edits), results, trial.reported(judgement)
        results = after
    # Each round takes a proof out, unless the gate's answers differ from one time to the next.
    reason = "the gate's answers on the file contradict each other"
    results = [trial.turned_away(r, Outcome.INFRASTRUCTURE, reason) for r in results]
    return worker.source.text, results, trial.reported(trial.judge([]))


class _Trial:
    """One file before the gate."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.source = worker.source
        holed = {h.chunk for h in self.source.holes}
        self.examples = [e for e in name_examples(self.source) if e.chunk in holed]
        self.original = self.body([])
        self.names = self.written(holed)
        self.names |= self.declared(holed - self.names.keys())
        self.policy = worker.options.policy.model_copy(
            update={"only_holes": True, "fixed_by_text": frozenset(e.name for e in self.examples)}
        )

    def body(self, edits: Sequence[Edit]) -> str:
        """The text after the header, with some holes filled and its examples named."""
        start = self.source.header_end if self.worker.base else len(self.source.mark)
        moved = [e.within(start) for e in [*edits, *(e.edit for e in self.examples)]]
        return apply_edits(self.worker.text[start:], sorted(moved, key=lambda e: e.start))

    def written(self, numbers: Collection[int]) -> dict[int, frozenset[str]]:
        """The names of the declarations with holes, of those chunks where the text tells them all."""
        examples = {e.line: e.name for e in self.examples}
        names = {}
        for number in numbers:
            holes = [h for h in self.source.holes if h.chunk == number]
            mine = [self.source.declarations[h.declaration] for h in holes if h.declaration is not None]
            known = {d.full_name or examples.get(d.line) or "«»" for d in mine}
            if len(mine) == len(holes) and not any("«" in name for name in known):
                names[number] = frozenset(known)
        return names

    def declared(self, numbers: Collection[int]) -> dict[int, frozenset[str]]:
        """What rests on `sorry` among the names that some chunks declare, asked of Lean."""
        if not numbers:
            return {}
        renamed = {e.chunk: e.edit for e in self.examples}
        chunks = []
        for chunk, text in zip(self.source.chunks, self.worker.chunks, strict=True):
            edit = renamed.get(chunk.index)
            chunks.append(apply_edits(text, [] if edit is None else [edit.within(chunk.start)]))
        chain = Chain(self.worker.repl, base=(*self.worker.base, ""), timeout=CHUNK_SECONDS)
        before = [chain.nothing(), *chain.answers(chunks)]
        names = {}
        for number in numbers:
            facts = facts_of(
                self.worker.repl,
                "".join(chunks[:number]),
                before[number],
                "".join(chunks[: number + 1]),
                before[number + 1],
                confirm=False,
            )
            names[number] = frozenset(
                d.display
                for d in facts.declarations
                if d.statement == "new" and not d.internal and "sorryAx" in d.axioms
            )
        return names

    def judge(self, edits: Sequence[Edit]) -> Judgement:
        """The gate's word on the whole file; it is asked again where Lean was lost."""
        judgement = Judgement(outcome=Outcome.INFRASTRUCTURE)
        for _ in range(TRIES):
            judgement = judge(
                self.worker.repl,
                self.original,
                self.body(edits),
                env=self.worker.chain.environment(()),
                policy=self.policy,
                timeout=self.worker.patience,
            )
            if judgement.outcome is not Outcome.INFRASTRUCTURE:
                break
        return judgement

    def heed(self, results: list[HoleResult], judgement: Judgement) -> list[HoleResult]:
        """The results with what the gate turned away taken out."""
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

    def isolated(self, results: list[HoleResult], judgement: Judgement) -> list[HoleResult]:
        """The results with those proofs taken out for whose sake the gate rejects the whole file.

        Those in the declaration that the gate names are suspected first, one by one; then halves of all of them.
        """
        guilty = {number for number, names in self.names.items() if judgement.culprit in names}
        proved = [r for r in results if r.outcome is Outcome.PROVED]
        suspects = [r for r in proved if self.source.holes[r.index].chunk in guilty]
        others = [r for r in proved if r not in suspects]
        away: dict[int, HoleResult] = {}
        if suspects and self.objection(others) is None:
            kept = others
            for suspect in suspects:
                kept = self.admitted(kept, [suspect], away)
        elif (
            worst := self.objection([])
        ) is not None:  # no proof is to blame, and none can be told from the rest
            away = {r.index: self.turned_away(r, worst.outcome, worst.reason) for r in proved}
        else:
            self.admitted([], proved, away)
        return [away.get(r.index, r) for r in results]

    def admitted(
        self, kept: list[HoleResult], more: list[HoleResult], away: dict[int, HoleResult]
    ) -> list[HoleResult]:
        """`kept` and those of `more` with which the gate does not reject the whole file; the others go to `away`."""
        objection = self.objection([*kept, *more])
        if objection is None:
            return [*kept, *more]
        if len(more) == 1:
            away[more[0].index] = self.turned_away(more[0], objection.outcome, objection.reason)
            return kept
        middle = len(more) // 2
        return self.admitted(self.admitted(kept, more[:middle], away), more[middle:], away)

    def objection(self, proofs: list[HoleResult]) -> Judgement | None:
        """The gate's word on the file with these proofs in it, where it rejects the whole of it or cannot tell; else None."""
        judgement = self.judge(self.worker.fills(sorted(proofs, key=lambda r: r.index)))
        untold = judgement.outcome in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE}
        return judgement if untold or judgement.violation is not None else None

    def weighed(
        self, result: HoleResult, results: Sequence[HoleResult], verdicts: dict[str, Verdict]
    ) -> HoleResult:
        """One hole's result in the light of the verdict on its declaration."""
        if result.outcome is not Outcome.PROVED:
            return result
        number = self.source.holes[result.index].chunk
        names = self.names[number]
        declared = components(result.declaration or "")
        own = {name for name in names if components(name) == declared} or names
        if not own:
            return self.turned_away(result, Outcome.FAILED, "it is part of nothing that the gate could judge")
        bad = [
            verdicts.get(name) or Verdict(name=name, kind="unknown", outcome=Outcome.REJECTED)
            for name in sorted(filter(None, own))
            if name not in verdicts or verdicts[name].outcome is not Outcome.PROVED
        ]
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
        bad_lines = {m.pos.line for m in errors_of(judgement.messages)}
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
            v.model_copy(
                update={
                    "name": f"example (line {lines[v.name]})",
                    "reason": v.reason and v.reason.replace(v.name, f"example (line {lines[v.name]})"),
                }
            )
            if v.name in lines
            else v
            for v in judgement.verdicts
            if v.name in concerned and not self.made_by_lean(v.name)
        )

    def made_by_lean(self, name: str) -> bool:
        """Whether a name is one that Lean gives to what it makes of a declaration."""
        owner, _, last = name.rpartition(".")
        return any(owner in names for names in self.names.values()) and bool(_MADE.fullmatch(last))


_MADE = re.compile(r"eq_def|eq_\d+|inj|injEq|sizeOf_spec|noConfusion")
