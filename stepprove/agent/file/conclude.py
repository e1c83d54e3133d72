"""The end of a run: the proofs put together and judged, so that an error of ours at one of them costs no other one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import TypeVar

from stepprove.agent.file.filled_file_gate import gate_filled_file
from stepprove.agent.file.options import Listener
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.retry import retry_lost_process
from stepprove.agent.file.worker import Worker
from stepprove.faults import fault_told
from stepprove.lean_project.gate.gate import Verdict
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.outcome import Outcome

_Done = TypeVar("_Done")


def conclude(
    worker: Worker, found: Sequence[HoleResult], listen: Listener, stop: Event
) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
    """The text with its proofs, what became of each hole, and the gate's verdicts. Never raises for one hole's sake."""
    results = isolate_faults(lambda some: worker.assemble(some, listen, stop), found)
    try:
        return isolate_faults(
            lambda some: retry_lost_process(lambda: gate_filled_file(worker, list(some)), stop.is_set),
            results,
        )
    except Exception as problem:  # without a single proof in it: nothing can be judged any more
        reason = _reason(problem, "the gate")
        return worker.source.text, [without_proof(result, reason) for result in results], ()


def isolate_faults(step: Callable[[Sequence[HoleResult]], _Done], results: Sequence[HoleResult]) -> _Done:
    """Take a step with all results; where that raises, without the proofs that make it raise.

    Raises whatever the step raises without any proof.
    """
    try:
        return step(results)
    except Exception as problem:
        kept = [without_proof(result, _reason(problem, _place(result))) for result in results]
    for place, result in enumerate(results):
        if result.outcome is Outcome.PROVED:
            trial = [*kept[:place], result, *kept[place + 1 :]]
            try:
                step(trial)
            except Exception as problem:
                kept[place] = without_proof(result, _reason(problem, _place(result)))
            else:
                kept = trial
    return step(kept)


def without_proof(result: HoleResult, reason: str) -> HoleResult:
    """A proof that could not be put in or judged: no verdict, and the proof is kept beside it."""
    if result.outcome is not Outcome.PROVED:
        return result
    update = {"outcome": Outcome.INFRASTRUCTURE, "reason": reason, "partial": result.proof, "proof": None}
    return result.model_copy(update=update)


def _place(result: HoleResult) -> str:
    return f"the hole at line {result.line}"


def _reason(problem: Exception, where: str) -> str:
    """What to say of a failure; one of our own goes into the log."""
    return str(problem) if isinstance(problem, ReplFailure) else fault_told(problem, where)
