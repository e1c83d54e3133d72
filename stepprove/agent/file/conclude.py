"""Assemble the proofs of a run and gate the file; a fault of ours at one proof costs no other proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import TypeVar

from stepprove.agent.file.assembly import Assembly
from stepprove.agent.file.filled_file_gate import gate_filled_file
from stepprove.agent.file.options import Listener
from stepprove.agent.file.report import HoleResult
from stepprove.agent.file.worker import Worker
from stepprove.agent.retry import retry_lost_process
from stepprove.faults import fault_told
from stepprove.lean_project.gate.gate import Verdict
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.outcome import Outcome

_Done = TypeVar("_Done")


def conclude(
    worker: Worker, found: Sequence[HoleResult], listen: Listener, stop: Event
) -> tuple[str, list[HoleResult], tuple[Verdict, ...]]:
    """Assemble the proofs and run the gate on the file.

    Args:
        worker: the Lean process and the file.
        found: one result for each hole that was searched.
        listen: receives the events of searches that the assembly repeats.
        stop: ends those searches when set.

    Returns:
        The text with its proofs, the result of each hole, and the gate's verdicts.
    """
    results = isolate_faults(Assembly(worker, listen, stop).run, found)
    try:
        return isolate_faults(
            lambda some: retry_lost_process(lambda: gate_filled_file(worker, list(some)), stop.is_set),
            results,
        )
    except Exception as problem:  # the file fails even without proofs, so there is no verdict
        reason = _reason(problem, "the gate")
        return worker.source.text, [without_proof(result, reason) for result in results], ()


def isolate_faults(step: Callable[[Sequence[HoleResult]], _Done], results: Sequence[HoleResult]) -> _Done:
    """Run a step on all results; if it raises, rerun it without the proofs that make it raise.

    Args:
        step: takes results and returns a value.
        results: of all holes.

    Returns:
        The step's value for the results that it accepts.

    Raises:
        Exception: the step raises without any proof, too.
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
    """Turn a proof that raised a fault into an infrastructure outcome; the proof stays in `partial`."""
    if result.outcome is not Outcome.PROVED:
        return result
    update = {"outcome": Outcome.INFRASTRUCTURE, "reason": reason, "partial": result.proof, "proof": None}
    return result.model_copy(update=update)


def _place(result: HoleResult) -> str:
    return f"the hole at line {result.line}"


def _reason(problem: Exception, where: str) -> str:
    """Describe a failure in one sentence; log it if it is a fault of ours."""
    return str(problem) if isinstance(problem, ReplFailure) else fault_told(problem, where)
