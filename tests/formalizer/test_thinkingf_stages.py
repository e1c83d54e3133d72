"""Pairs by the majority and trajectories by the template, on real Lean; the models' answers are written down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from stepprove.formalizer.autoformalize import FormalizeOptions
from stepprove.formalizer.checks import Leans, PoolChecks, by_header
from stepprove.formalizer.dataset.knowledge import PreparedAnswers, knowledge_pair
from stepprove.formalizer.dataset.reasoning import PARTS, ReasoningOptions, reasoning_trajectory
from stepprove.formalizer.dataset.stage import StageResult
from stepprove.formalizer.equivalence.pairs import (
    Dropped,
    InformalProblem,
    KnowledgePair,
    Pair,
    ReasoningTrajectory,
)
from stepprove.lean_project import find_engine
from stepprove.lean_project.pool.pool import Pool, SyncPool


@pytest.fixture(scope="module")
def pool() -> Iterator[SyncPool]:
    with SyncPool(find_engine(), size=1, timeout=60) as lean:
        yield lean


def checks(pool: SyncPool) -> Leans:
    return by_header(lambda header: PoolChecks(Pool.over(pool), header))


def lean(claim: str) -> str:
    return f"```lean4\ntheorem my_favorite_theorem {claim} := by sorry\n```"


PLUS = lean("(n : Nat) : n + 0 = n")
PLUS_TOO = lean("(m : Nat) : m + 0 = m")
WEAKER = lean("(n : Nat) (h : n < 3) : n + 0 = n")
BROKEN = lean("(n : Nat) : n + = n")
EMPTY = lean("(n : Nat) (h : n < n) : n + 0 = n")


def pair_of(pool: SyncPool, *candidates: str, judge: str | None = None) -> StageResult:
    outcome = asyncio.run(
        knowledge_pair(
            InformalProblem(problem="n + 0 = n", name="p", candidates=candidates),
            checks(pool),
            FormalizeOptions(),
            judge=None if judge is None else PreparedAnswers((judge,)),
        )
    )
    return outcome


def test_the_largest_class_of_what_lean_reads_makes_the_pair(pool: SyncPool) -> None:
    outcome = pair_of(pool, WEAKER, BROKEN, PLUS, PLUS_TOO, EMPTY)
    assert outcome.dropped is None and isinstance(outcome.body, KnowledgePair)
    assert outcome.body.formal_statement == "theorem my_favorite_theorem (n : Nat) : n + 0 = n := by sorry"
    assert (outcome.body.samples, outcome.body.valid, outcome.body.agreeing) == (5, 3, 2)


@pytest.mark.parametrize(
    ("candidates", "judge", "reason"),
    [
        ((BROKEN,), None, "no valid candidate"),
        ((EMPTY, EMPTY, BROKEN), None, "contradictory or false"),
        ((), None, "no candidates"),
        ((PLUS,), "A mere computation.\nVerdict: oversimplified", "judged oversimplified"),
        ((PLUS,), "Verdict: keep? No. **Verdict: contradictory**", "judged contradictory"),
        ((PLUS,), "I like it.", "the judge gave no verdict"),
    ],
)
def test_what_is_thrown_out_is_said_why(
    pool: SyncPool, candidates: tuple[str, ...], judge: str | None, reason: str
) -> None:
    assert pair_of(pool, *candidates, judge=judge).dropped == reason


def test_what_the_judge_keeps_stays(pool: SyncPool) -> None:
    outcome = pair_of(pool, PLUS, judge="<think>Verdict: contradictory</think>It is so.\nVerdict: keep")
    assert outcome.dropped is None and isinstance(outcome.body, KnowledgePair)
    assert outcome.body.verdict == "It is so.\nVerdict: keep"


PAIR = Pair(problem="n + 0 = n", formal_statement="theorem p (n : Nat) : n + 0 = n := by sorry")
THOUGHTS = "\n".join(f"### {number}. On {part}\nIt is plain." for number, part in enumerate(PARTS, 1))


def trajectory_of(pool: SyncPool, text: str, pair: Pair = PAIR) -> StageResult:
    outcome = asyncio.run(
        reasoning_trajectory(pair, checks(pool), PreparedAnswers((text,)), ReasoningOptions(tries=1))
    )
    return outcome


def test_a_trajectory_ends_in_a_statement_that_says_the_same(pool: SyncPool) -> None:
    outcome = trajectory_of(pool, f"{THOUGHTS}\n\n{PLUS_TOO}")
    assert outcome.dropped is None and isinstance(outcome.body, ReasoningTrajectory)
    assert outcome.body.reasoning == THOUGHTS
    assert outcome.body.answer == "theorem my_favorite_theorem (m : Nat) : m + 0 = m := by sorry"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{THOUGHTS}\n\n{WEAKER}", "its statement is not shown to say the same"),
        (f"{THOUGHTS}\n\n{BROKEN}", "its statement is not accepted by Lean"),
        (f"{THOUGHTS}\nIt matches the given formal statement.\n{PLUS}", "it speaks of the statement that it was given"),
        (f"{THOUGHTS.partition('### 8')[0]}\n{PLUS}", "parts of the template are missing"),
    ],
)  # fmt: skip
def test_other_trajectories_are_dropped(pool: SyncPool, text: str, reason: str) -> None:
    outcome = trajectory_of(pool, text)
    assert outcome.dropped == reason and isinstance(outcome.body, Dropped)


def test_a_pair_that_lean_does_not_read_is_dropped(pool: SyncPool) -> None:
    for wrong in ("theorem p : Nonsense := by sorry", "no statement"):
        pair = PAIR.model_copy(update={"formal_statement": wrong})
        assert trajectory_of(pool, PLUS, pair).dropped == "the pair's statement cannot be read"
