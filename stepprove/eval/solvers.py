"""An attempt maker, a prover or a formalizer, as inspect's solver."""

from __future__ import annotations

from inspect_ai.solver import Generate, Solver, TaskState, solver

from stepprove.eval.bench import Bench

ATTEMPT = "attempt"
"""The key of the attempt in a sample's store."""


@solver
def attempts(bench: Bench) -> Solver:
    """Make an attempt at each problem; the scorer judges its claim."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        attempt = await bench.attempt(str(state.sample_id), state.epoch)
        state.store.set(ATTEMPT, attempt.model_dump(mode="json"))
        return state

    return solve
