"""The core subset of a benchmark: the statements, written for Mathlib, that elaborate without it.

The engine decides. Notation for ℕ and ℤ replaces the imports and nothing else, so a statement that elaborates has the same
meaning in core Lean. `autoImplicit` is off, so that Lean does not take an unknown letter (ℝ, say) for a variable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stepprove.agent.models.problem import Problem as Task
from stepprove.eval.records.record import BenchmarkProblem
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.lean_project.repl.repl import ReplFailure
from stepprove.lean_project.source.prelude import PRELUDE

_SECONDS = 120.0
_HEADER = f"{PRELUDE}set_option autoImplicit false\n"


def core(
    pool: SyncPool,
    problems: Sequence[BenchmarkProblem],
    listen: Callable[[int], None] = lambda done: None,
) -> tuple[str, ...]:
    """Return the names of the problems that elaborate in core Lean, each with one hole.

    Args:
        pool: the Lean processes.
        problems: of the benchmark.
        listen: receives the number of problems checked so far.

    Raises:
        ReplFailure: Lean gave no answer to one; leaving it out would change the subset.
    """
    texts = [Task.parse(problem.source, prelude=PRELUDE).statement for problem in problems]
    elaborated: set[int] = set()
    for done, (place, check) in enumerate(pool.check_all(texts, header=_HEADER, timeout=_SECONDS), 1):
        if check.unanswered is not None:
            raise ReplFailure(
                f"Lean gave no answer to the statement of {problems[place].name} ({check.reason}), "
                "so that the core subset cannot be told."
            )
        answer = check.answer
        if isinstance(answer, CommandResponse) and not answer.has_errors and len(answer.sorries) == 1:
            elaborated.add(place)
        listen(done)
    return tuple(problems[place].name for place in sorted(elaborated))
