"""Run the gate on the filled file; drop rejected proofs until it passes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from stepprove.agent.file.incremental_file import IncrementalFile
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import CHUNK_SECONDS, Worker
from stepprove.agent.retry import TRIES
from stepprove.lean_project.gate.gate import Judgement, Verdict, errors_of, facts_of, judge
from stepprove.lean_project.source.file import Edit, apply_edits
from stepprove.lean_project.source.name_examples import name_examples
from stepprove.lean_project.source.names import components
from stepprove.outcome import Outcome


def gate_filled_file(
    worker: Worker, results: list[HoleResult]
) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
    """Run the gate on the file with its proofs; drop rejected proofs until it passes.

    Args:
        worker: the Lean process and the file.
        results: of all holes, in the order of the file.

    Returns:
        The text that passes, the results after the verdicts, and the verdicts on that text.
    """
    gate = _FilledFileGate(worker)
    for _ in range(len(results) + 1):
        edits = worker.fills(results)
        judgement = gate.judge(edits)
        violated = judgement.violation is not None and bool(edits)
        after = (
            gate.drop_culprits(results, judgement) if violated else gate.apply_verdicts(results, judgement)
        )
        if after == results and not violated:
            return apply_edits(worker.source.text, edits), results, gate.hole_verdicts(judgement)
        results = after
    # Each round drops a proof, unless the gate contradicts itself.
    reason = "the gate's answers on the file contradict each other"
    results = [gate.without_rejected(r, Outcome.INFRASTRUCTURE, reason) for r in results]
    return worker.source.text, results, gate.hole_verdicts(gate.judge([]))


class _FilledFileGate:
    """The gate for one file: its original, its policy, and the declarations that have holes."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.source = worker.source
        holed = {h.chunk for h in self.source.holes}
        self.examples = [e for e in name_examples(self.source) if e.chunk in holed]
        self.original = self.body([])
        self.names = self.names_in_text(holed)
        self.names |= self.names_from_lean(holed - self.names.keys())
        self.policy = worker.options.policy.model_copy(
            update={"only_holes": True, "fixed_by_text": frozenset(e.name for e in self.examples)}
        )

    def body(self, edits: Sequence[Edit]) -> str:
        """Return the text after the header with these edits, and with its examples named."""
        start = self.source.header_end if self.worker.base else len(self.source.mark)
        moved = [e.within(start) for e in [*edits, *(e.edit for e in self.examples)]]
        return apply_edits(self.worker.text[start:], sorted(moved, key=lambda e: e.start))

    def names_in_text(self, numbers: Collection[int]) -> dict[int, frozenset[str]]:
        """Read the names of the declarations with holes from the text, for the chunks where all of them have one."""
        examples = {e.line: e.name for e in self.examples}
        names = {}
        for number in numbers:
            holes = [h for h in self.source.holes if h.chunk == number]
            mine = [self.source.declarations[h.declaration] for h in holes if h.declaration is not None]
            names_of_chunk = {d.full_name or examples.get(d.line) or "«»" for d in mine}
            if len(mine) == len(holes) and not any("«" in name for name in names_of_chunk):
                names[number] = frozenset(names_of_chunk)
        return names

    def names_from_lean(self, numbers: Collection[int]) -> dict[int, frozenset[str]]:
        """Ask Lean which of the names that these chunks declare depend on `sorryAx`."""
        if not numbers:
            return {}
        renamed = {e.chunk: e.edit for e in self.examples}
        chunks = []
        for chunk, text in zip(self.source.chunks, self.worker.chunks, strict=True):
            edit = renamed.get(chunk.index)
            chunks.append(apply_edits(text, [] if edit is None else [edit.within(chunk.start)]))
        chain = IncrementalFile(self.worker.repl, base=(*self.worker.base, ""), timeout=CHUNK_SECONDS)
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
        """Run the gate on the whole file, unless it has judged this text before; retry when the Lean process is lost."""
        text = self.body(edits)
        if (known := self.worker.judged.get(text)) is not None:
            return known
        judgement = Judgement(outcome=Outcome.INFRASTRUCTURE)
        for _ in range(TRIES):
            judgement = judge(
                self.worker.repl,
                self.original,
                text,
                env=self.worker.chain.environment(()),
                policy=self.policy,
                timeout=self.worker.patience,
            )
            if judgement.outcome is not Outcome.INFRASTRUCTURE:
                break
        if judgement.outcome not in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE}:
            self.worker.judged[text] = judgement
        return judgement

    def apply_verdicts(self, results: list[HoleResult], judgement: Judgement) -> list[HoleResult]:
        """Drop the proofs that the gate rejects."""
        if judgement.outcome in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE} or (
            judgement.outcome is Outcome.REJECTED and not judgement.verdicts
        ):
            return [self.without_rejected(r, judgement.outcome, judgement.reason) for r in results]
        broken = self.chunks_with_errors(results, judgement)
        if broken:
            return [
                self.without_rejected(r, Outcome.FAILED, f"it does not hold in the file: {judgement.reason}")
                if self.source.holes[r.index].chunk in broken
                else r
                for r in results
            ]
        verdicts = {v.name: v for v in judgement.verdicts}
        return [self.apply_verdict(r, results, verdicts) for r in results]

    def drop_culprits(self, results: list[HoleResult], judgement: Judgement) -> list[HoleResult]:
        """Drop the proofs that make the gate reject the whole file.

        The proofs of the declaration that the gate names are tried first, one by one; then bisection over all proofs.
        """
        guilty = {number for number, names in self.names.items() if judgement.culprit in names}
        proved = [r for r in results if r.outcome is Outcome.PROVED]
        suspects = [r for r in proved if self.source.holes[r.index].chunk in guilty]
        others = [r for r in proved if r not in suspects]
        away: dict[int, HoleResult] = {}
        if suspects and self.rejection(others) is None:
            kept = others
            for suspect in suspects:
                kept = self.admit(kept, [suspect], away)
        elif (worst := self.rejection([])) is not None:  # no single proof causes it
            away = {r.index: self.without_rejected(r, worst.outcome, worst.reason) for r in proved}
        else:
            self.admit([], proved, away)
        return [away.get(r.index, r) for r in results]

    def admit(
        self, kept: list[HoleResult], more: list[HoleResult], away: dict[int, HoleResult]
    ) -> list[HoleResult]:
        """Return `kept` with those of `more` that the gate admits beside them; record the others in `away`."""
        rejection = self.rejection([*kept, *more])
        if rejection is None:
            return [*kept, *more]
        if len(more) == 1:
            away[more[0].index] = self.without_rejected(more[0], rejection.outcome, rejection.reason)
            return kept
        middle = len(more) // 2
        return self.admit(self.admit(kept, more[:middle], away), more[middle:], away)

    def rejection(self, proofs: list[HoleResult]) -> Judgement | None:
        """Return the gate's judgement on the file with these proofs if it rejects the whole file or cannot decide;
        else None.
        """
        judgement = self.judge(self.worker.fills(sorted(proofs, key=lambda r: r.index)))
        undecided = judgement.outcome in {Outcome.TIMEOUT, Outcome.INFRASTRUCTURE}
        return judgement if undecided or judgement.violation is not None else None

    def apply_verdict(
        self, result: HoleResult, results: Sequence[HoleResult], verdicts: dict[str, Verdict]
    ) -> HoleResult:
        """Apply the verdict on a hole's declaration to the hole's result."""
        if result.outcome is not Outcome.PROVED:
            return result
        number = self.source.holes[result.index].chunk
        names = self.names[number]
        declared = components(result.declaration or "")
        own = {name for name in names if components(name) == declared} or names
        if not own:
            return self.without_rejected(
                result, Outcome.FAILED, "it is part of nothing that the gate could judge"
            )
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
                return result  # its own goal is closed; another hole of the declaration is open
            return self.without_rejected(
                result, Outcome.FAILED, "it cannot be checked beside an unproved hole"
            )
        reason = bad[0].reason or "the gate turned it away"
        if bad[0].outcome is Outcome.FAILED:
            reason += " through another declaration"
        return self.without_rejected(result, Outcome.REJECTED, reason)

    def without_rejected(self, result: HoleResult, outcome: Outcome, reason: str | None) -> HoleResult:
        """Drop a rejected proof; a result without a proof stays as it is."""
        if result.outcome is not Outcome.PROVED:
            return result
        return result.model_copy(update={"outcome": outcome, "reason": reason})

    def chunks_with_errors(self, results: Sequence[HoleResult], judgement: Judgement) -> set[int]:
        """Return the numbers of the chunks in which Lean reports errors."""
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

    def hole_verdicts(self, judgement: Judgement) -> tuple[Verdict, ...]:
        """Return the verdicts on declarations that had holes; name an example by its line."""
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
        """Return whether Lean derives this name from a declaration's name."""
        owner, _, last = name.rpartition(".")
        return any(owner in names for names in self.names.values()) and bool(_MADE.fullmatch(last))


_MADE = re.compile(r"eq_def|eq_\d+|inj|injEq|sizeOf_spec|noConfusion")
