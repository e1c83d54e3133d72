"""Attempts of a run: whatever goes wrong at one is that attempt's outcome."""

from __future__ import annotations

import asyncio

import pytest

from stepprove.eval.bench import Bench
from stepprove.eval.prover import Prover
from stepprove.eval.records.record import Attempt, BenchmarkProblem
from stepprove.eval.setup import Setup
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.pool.pool import SyncPool
from stepprove.outcome import Outcome

PROBLEMS = tuple(BenchmarkProblem(name=f"p{i}", source="theorem t : 1 = 1 := by sorry") for i in range(3))


class Failing:
    """Fails where it is told to, and proves the others."""

    def __init__(self, attempt: str = "", judge: str = "") -> None:
        self.at = {"attempt": attempt, "judge": judge}

    async def attempt(self, problem: BenchmarkProblem, epoch: int) -> Attempt:
        if problem.name == self.at["attempt"]:
            raise ValueError("Exceeds the limit (4300 digits) for integer string conversion")
        return Attempt(problem=problem.name, epoch=epoch, outcome=Outcome.PROVED, candidate="rfl")

    async def judge(self, problem: BenchmarkProblem, attempt: Attempt) -> Attempt:
        if problem.name == self.at["judge"]:
            raise RecursionError("maximum recursion depth exceeded")
        return attempt


@pytest.mark.parametrize("where", ["attempt", "judge"])
def test_an_exception_at_one_attempt_is_its_outcome(where: str) -> None:
    heard: list[Attempt] = []
    bench = Bench(Failing(**{where: "p1"}), PROBLEMS, listen=heard.append)

    async def run() -> list[Attempt]:
        return [await bench.judge(await bench.attempt(problem.name, 1)) for problem in PROBLEMS]

    done = asyncio.run(run())

    assert heard == done
    assert [a.outcome for a in done] == [Outcome.PROVED, Outcome.INFRASTRUCTURE, Outcome.PROVED]
    assert done[1].reason.startswith("an error of StepProve itself: ")


def test_an_error_of_ours_is_no_verdict_on_the_statement(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("Exceeds the limit (4300 digits) for integer string conversion")

    monkeypatch.setattr("stepprove.eval.statement_target.search_file", fails)
    setup = Setup(benchmark="minif2f", split="valid", policy="portfolio", time_limit=10.0)

    with SyncPool(engine, size=1) as pool:
        attempt = asyncio.run(Prover(setup, engine, pool).attempt(PROBLEMS[0], 1))

    assert attempt.outcome is Outcome.INFRASTRUCTURE
