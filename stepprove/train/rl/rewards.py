"""Rewards from the trust gate, and canaries: false theorems that expose a gate with a hole.

A proof that the gate accepts earns 1, a rejected one 0. Where Lean timed out or failed, the reward is NaN and the losses
leave it out (`losses.py`): a missing verdict is not a failure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from stepprove.agent.models.problem import Problem
from stepprove.faults import fault_told
from stepprove.lean_project.gate.gate import Policy
from stepprove.lean_project.gate.verify import BrokenOriginal
from stepprove.lean_project.pool.backend import Lean
from stepprove.lean_project.pool.pool import PoolClosed, PoolFull
from stepprove.lean_project.repl.errors import ReplFailure
from stepprove.outcome import Outcome

UNKNOWN = math.nan
"""The reward of an answer without a verdict."""
_EARNED = {
    Outcome.PROVED: 1.0,
    Outcome.DISPROVED: 0.0,
    Outcome.FAILED: 0.0,
    Outcome.REJECTED: 0.0,
    Outcome.TIMEOUT: UNKNOWN,
    Outcome.INFRASTRUCTURE: UNKNOWN,
}
_FALSE = (
    "(n : Nat) : n < n",
    "(n : Nat) (h : 0 < n) : n * n = n",
    "(a b : Nat) : a - b + b = a",
    "(a b : Int) (h : a * a = b * b) : a = b",
    "(n : Nat) : n % 2 = 0",
    "(p q : Prop) (h : p ∨ q) : p ∧ q",
    "(p q : Prop) (h : p → q) : q → p",
    "(xs ys : List Nat) : xs ++ ys = ys ++ xs",
    "(f : Nat → Nat) (h : ∀ n, f n ≤ f (n + 1)) : ∀ n, f n < f (n + 1)",
    "(a b : Nat) : a / b * b = a",
)
CANARIES = tuple(
    Problem(header="", statement=f"theorem canary_{place} {claim} := by sorry", name=f"canary_{place}")
    for place, claim in enumerate(_FALSE)
)
"""False statements; a test refutes each. A proof of one is a hole in the gate."""


class RewardHack(Exception):
    """The gate accepted the proof `answer` of the false theorem `problem`; training must stop."""

    def __init__(self, problem: Problem, answer: str) -> None:
        super().__init__(f"a proof of the false theorem {problem.name} was accepted:\n{answer}")
        self.problem, self.answer = problem, answer


def with_canaries(problems: Sequence[Problem], count: int, rng: random.Random) -> list[Problem]:
    """Append `count` canaries to the problems of a batch. Raises ValueError when there are fewer."""
    if count > len(CANARIES):
        raise ValueError(f"there are {len(CANARIES)} false theorems, not {count}")
    return [*problems, *rng.sample(CANARIES, count)]


def earned(outcome: Outcome) -> float:
    """Return the reward of an outcome; NaN for a time-out or an infrastructure failure."""
    return _EARNED[outcome]


def reward(problem: Problem, outcome: Outcome, answer: str | None) -> float:
    """Return the reward of an answer.

    Args:
        problem: the theorem.
        outcome: the answer's.
        answer: its Lean code, for the message of RewardHack.

    Raises:
        RewardHack: the answer proves a canary.
    """
    value = earned(outcome)
    if value > 0 and problem in CANARIES:
        raise RewardHack(problem, answer or "")
    return value


async def proof_reward(
    pool: Lean,
    problem: Problem,
    answer: str | None,
    *,
    policy: Policy = Policy(),  # noqa: B008 - frozen
    timeout: float | None = None,
) -> float:
    """Verify an answer and return its reward: 1, 0 or NaN.

    Args:
        pool: verifies the answer.
        problem: the theorem.
        answer: Lean code; None, a text without an answer, earns 0.
        policy: the gate's.
        timeout: seconds; None: the pool's.

    Raises:
        RewardHack: the answer proves a canary.
        BrokenOriginal: the problem itself has errors.
        PoolFull, PoolClosed, ReplFailure: Lean is not available.
    """
    if answer is None:
        return 0.0
    try:
        judgement = await problem.judge(pool, answer, policy=policy, timeout=timeout)
    except (BrokenOriginal, PoolFull, PoolClosed, ReplFailure):
        raise
    except Exception as fault:
        fault_told(fault, f"the answer to {problem.name}")
        return UNKNOWN
    return reward(problem, judgement.outcome, answer)
