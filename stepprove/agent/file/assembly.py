"""Put the proofs of a run into the file from the top, each after the present text above it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from stepprove.agent.file.hole_search import attempt_hole
from stepprove.agent.file.options import Listener
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import Worker
from stepprove.agent.retry import retry_lost_process
from stepprove.lean_project.gate.gate import errors_of
from stepprove.lean_project.repl.repl import ReplFailure, ReplTimeout
from stepprove.lean_project.source.file import Hole
from stepprove.outcome import Outcome


class Assembly:
    """The assembly of a file.

    Args:
        worker: the Lean process and the file.
        listen: receives the events of searches that are repeated.
        stop: ends those searches when set.
    """

    def __init__(self, worker: Worker, listen: Listener, stop: Event) -> None:
        self.worker, self.listen, self.stop = worker, listen, stop

    def run(self, hole_results: Sequence[HoleResult]) -> list[HoleResult]:
        """Return the results after the assembly; a proof that does not hold in its place is dropped or searched again."""
        results = {r.index: r for r in hole_results}
        before: list[str] = []
        for number, chunk in enumerate(self.worker.chunks):
            mine = [h for h in self.worker.source.holes if h.chunk == number and h.index in results]
            for hole in mine:
                if results[hole.index].outcome is Outcome.PROVED:
                    results[hole.index] = self.confirm(hole, before, results[hole.index])
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
        if not proved or self.chunk_failure(before, self.worker.filled(number, proved)) is None:
            return self.worker.filled(number, proved)
        kept: dict[int, HoleResult] = {}
        for index, result in proved.items():
            first = None
            for kind in (
                self.worker.kinds[index],
                "term" if self.worker.kinds[index] == "tactic" else "tactic",
            ):
                self.worker.kinds[index] = kind
                trouble = self.chunk_failure(before, self.worker.filled(number, {**kept, index: result}))
                first = first or trouble
                if trouble is None:
                    kept[index] = result
                    break
            else:
                assert first is not None
                results[index] = result.model_copy(update={"outcome": first[0], "reason": first[1]})
        return self.worker.filled(number, kept)

    def chunk_failure(self, before: Sequence[str], chunk: str) -> tuple[Outcome, str] | None:
        """Return the outcome and reason of a chunk that fails after the chunks `before`; None if Lean accepts it."""
        try:
            errors = errors_of(
                retry_lost_process(lambda: self.worker.chain.answers([*before, chunk]))[-1].messages
            )
        except ReplTimeout as late:
            return Outcome.TIMEOUT, str(late)
        except ReplFailure as failure:
            return Outcome.INFRASTRUCTURE, str(failure)
        if not errors:
            return None
        return Outcome.FAILED, f"it does not hold in the file: {errors[0].data.partition(chr(10))[0]}"

    def confirm(self, hole: Hole, before: Sequence[str], result: HoleResult) -> HoleResult:
        """Check a proof again after the chunks `before`; search again if it no longer holds."""
        assert result.proof is not None
        script = result.proof

        def objected() -> str | None:
            sorry = self.worker.find(hole, before)
            return "Lean no longer shows its goal" if sorry is None else self.worker.objection(sorry, script)

        try:
            objection = retry_lost_process(objected, self.stop.is_set)
        except ReplTimeout as late:
            return result.model_copy(update={"outcome": Outcome.TIMEOUT, "reason": str(late)})
        except ReplFailure as failure:
            return result.model_copy(update={"outcome": Outcome.INFRASTRUCTURE, "reason": str(failure)})
        if objection == "":
            self.worker.unconfirmed.add(hole.index)
        if not objection:
            return result
        if list(before) != self.worker.chunks[: hole.chunk]:
            seconds = max(5.0, self.worker.options.time_limit - result.seconds)
            return attempt_hole(self.worker, hole, before, seconds, self.listen, self.stop)
        outcome = Outcome.REJECTED if "rests on" in objection else Outcome.FAILED
        return result.model_copy(update={"outcome": outcome, "reason": objection})
