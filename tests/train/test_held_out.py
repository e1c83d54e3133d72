"""Measuring a prover on generated theorems."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stepprove.lean_project import find_engine
from stepprove.lean_project.pool.pool import Pool
from stepprove.outcome import Outcome
from stepprove.train.data.held_out import HeldOutAttempt, Prover, random_prover, run, score
from stepprove.train.data.tactic_scripts import Script
from stepprove.train.data.theorems import Theorem, held_out

EASY = Theorem("linear", "t", "", "theorem t (x y : Nat) (h : x < y) : 2 * x + 2 ≤ 2 * y :=")
FALSE = Theorem("linear", "f", "", "theorem f (x y : Nat) (h : x < y) : 2 * x + 3 ≤ 2 * y :=")


def attempt(theorem: int, sample: int, outcome: Outcome, rejected: int = 0) -> HeldOutAttempt:
    return HeldOutAttempt(
        theorem=theorem, sample=sample, family="f", outcome=outcome, sketches=1, rejected=rejected
    )


def test_attempts_are_counted_by_theorem() -> None:
    P, F = Outcome.PROVED, Outcome.FAILED
    found = score([attempt(0, 0, P), attempt(0, 1, F), attempt(1, 0, F), attempt(1, 1, F)])
    assert (found.theorems, found.samples, found.pass_1, found.pass_k) == (2, 2, 0.25, 0.5)


def test_what_the_infrastructure_spoiled_is_no_failure() -> None:
    found = score([attempt(0, 0, Outcome.PROVED, 1), attempt(0, 1, Outcome.INFRASTRUCTURE)])
    assert (found.pass_1, found.pass_k, found.spoiled, found.after_rejection) == (1.0, 1.0, 1, 1.0)


def test_time_outs_are_told_apart() -> None:
    found = score([attempt(0, 0, Outcome.PROVED), attempt(0, 1, Outcome.TIMEOUT)])
    assert (found.pass_1, found.timeouts, found.spoiled) == (0.5, 1, 0)


def test_a_script_that_lean_does_not_answer_is_not_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = "have : (List.range 10000000000).length = 1 := by decide +kernel"
    runaway = Script("runaway", endless, 1.0)
    monkeypatch.setattr("stepprove.train.data.held_out.scripts", lambda goal, definitions, rng: [runaway])

    async def tried() -> list[HeldOutAttempt]:
        async with Pool(find_engine(), size=1, timeout=4) as pool:
            return await run(random_prover(pool, 1, 0), [FALSE], 1, tmp_path / "log.jsonl")

    (found,) = asyncio.run(tried())
    assert (found.outcome, found.sketches, found.rejected) == (Outcome.TIMEOUT, 1, 0)


def test_nothing_tried_is_no_division_by_zero() -> None:
    assert score([]).pass_1 == 0.0


def test_random_tactics_prove_what_is_true_and_never_what_is_false(tmp_path: Path) -> None:
    async def tried() -> list[HeldOutAttempt]:
        async with Pool(find_engine(), size=1) as pool:
            return await run(random_prover(pool, 30, 0), [EASY, FALSE], 1, tmp_path / "log.jsonl")

    easy, false = asyncio.run(tried())
    assert (easy.outcome, easy.sketches) == (Outcome.PROVED, easy.rejected + 1)
    assert (false.outcome, false.sketches) == (Outcome.FAILED, false.rejected)


def scripted(made: list[tuple[int, int]], outcome: Outcome) -> Prover:
    async def prover(place: int, sample: int, theorem: Theorem) -> HeldOutAttempt:
        made.append((place, sample))
        return attempt(place, sample, outcome)

    return prover


def test_a_run_goes_on_where_it_was_and_repeats_what_was_spoiled(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    theorems = held_out(2, 0)
    first: list[tuple[int, int]] = []
    asyncio.run(run(scripted(first, Outcome.FAILED), theorems, 1, log))
    broken = attempt(0, 1, Outcome.INFRASTRUCTURE).model_dump_json().encode()
    log.write_bytes(log.read_bytes() + broken + b"\n" + broken[:20])
    second: list[tuple[int, int]] = []
    attempts = asyncio.run(run(scripted(second, Outcome.PROVED), theorems, 2, log))
    assert sorted(first) == [(0, 0), (1, 0)]
    assert sorted(second) == [(0, 1), (1, 1)]
    assert [(a.theorem, a.sample, a.outcome) for a in attempts] == [
        (0, 0, Outcome.FAILED),
        (0, 1, Outcome.PROVED),
        (1, 0, Outcome.FAILED),
        (1, 1, Outcome.PROVED),
    ]
    assert asyncio.run(run(scripted([], Outcome.PROVED), theorems, 2, log)) == attempts


def test_a_failure_of_lean_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    async def prover(place: int, sample: int, theorem: Theorem) -> HeldOutAttempt:
        if place:
            raise OSError("no space")
        return attempt(place, sample, Outcome.PROVED)

    log = tmp_path / "log.jsonl"
    with pytest.raises(OSError, match="no space"):
        asyncio.run(run(prover, held_out(2, 0), 1, log, at_once=1))
    assert len(log.read_bytes().splitlines()) == 1
