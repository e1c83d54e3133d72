"""What proofs earn, by real Lean: nothing for cheats, nothing known for what ran out of time, and no way to prove a canary."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from stepprove.agent.models.problem import Problem
from stepprove.gather import gather_or_cancel
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.lean_project.source.file import parse_source
from stepprove.outcome import Outcome
from stepprove.train.rl.rewards import (
    CANARIES,
    RewardHack,
    earned,
    proof_reward,
    with_canaries,
)

ATTACKS = Path(__file__).parent.parent / "data" / "attacks"
CHEATS = sorted(path.parent.name for path in ATTACKS.glob("*/expected.json"))
COMMUTES = Problem.parse("theorem t (a b : Nat) : a + b = b + a := by sorry")


def rewards_of(pool: SyncPool, answers: Sequence[str | None]) -> list[float]:
    """The rewards of answers to one problem, judged side by side."""
    judge = (proof_reward(Pool.over(pool), COMMUTES, answer) for answer in answers)
    return asyncio.run(gather_or_cancel(judge))


REFUTATIONS = (
    "exact absurd (h 0) (by decide)",
    "exact absurd (h 2 (by decide)) (by decide)",
    "exact absurd (h 0 1) (by decide)",
    "exact absurd (h 1 (-1) (by decide)) (by decide)",
    "exact absurd (h 1) (by decide)",
    "exact (h True False (.inl trivial)).2",
    "exact h False True (fun _ => trivial) trivial",
    "exact absurd (h [0] [1]) (by decide)",
    "exact absurd (h (fun _ => 0) (fun _ => Nat.le_refl 0) 0) (by decide)",
    "exact absurd (h 1 2) (by decide)",
)


def test_every_canary_is_false(pool: SyncPool) -> None:
    for canary, refutation in zip(CANARIES, REFUTATIONS, strict=True):
        binders, claim = canary.statement.removesuffix(" := by sorry").split(" ", 2)[2].rsplit(" : ", 1)
        theorem = Problem.parse(f"theorem no : ¬∀ {binders}, {claim} := by sorry")
        answer = f"theorem no : ¬∀ {binders}, {claim} := by\n  intro h\n  {refutation}\n"
        assert asyncio.run(proof_reward(Pool.over(pool), theorem, answer)) == 1.0, canary.statement


def test_a_proof_earns_one_and_what_is_none_earns_nothing(pool: SyncPool) -> None:
    answers = [
        "theorem t (a b : Nat) : a + b = b + a := by omega",
        "theorem t (a b : Nat) : a + b = b + a := by simp only [Nat.mul_comm]",
        "theorem t (a b : Nat) : a + b = b + a := by sorry",
        "theorem t : True := trivial",
        None,
    ]
    assert rewards_of(pool, answers) == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_what_lean_cannot_tell_in_time_is_not_known(pool: SyncPool) -> None:
    endless = "have : (List.range 10000000000).length = 1 := by decide +kernel"
    runaway = f"theorem t (a b : Nat) : a + b = b + a := by\n  {endless}\n  omega"
    assert math.isnan(asyncio.run(proof_reward(Pool.over(pool), COMMUTES, runaway, timeout=1.0)))


def test_every_outcome_has_its_reward() -> None:
    assert [str(earned(outcome)) for outcome in Outcome] == ["1.0", "0.0", "0.0", "nan", "0.0", "nan"]


def test_a_proof_of_a_canary_stops_everything_and_shows_itself(
    pool: SyncPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepprove.train.rl.rewards.CANARIES", (COMMUTES,))  # as if the gate could be fooled
    answer = "theorem t (a b : Nat) : a + b = b + a := by omega"
    with pytest.raises(RewardHack, match=r"the false theorem t was accepted:\n.* omega"):
        rewards_of(pool, [None, answer])


def test_canaries_stand_among_the_problems_of_a_batch() -> None:
    mixed = with_canaries([COMMUTES] * 6, 2, random.Random(0))
    assert len(mixed) == 8 and sum(problem in CANARIES for problem in mixed) == 2
    with pytest.raises(ValueError, match="not 11"):
        with_canaries([], 11, random.Random(0))


def earns(pool: SyncPool, name: str) -> float:
    """The reward of a cheat of the catalogue, its header included."""
    original, candidate = (
        (ATTACKS / name / f"{f}.lean").read_bytes().decode() for f in ("original", "candidate")
    )
    source = parse_source(original)
    problem = Problem(source.header.strip(), original[source.header_end :].strip(), "")
    return asyncio.run(proof_reward(Pool.over(pool), problem, candidate, timeout=10.0))


HEADERS_ONLY = {
    "import_fewer",
    "import_late",
    "import_mathlib",
    "import_more",
    "module_header",
    "prelude_header",
}
"""Their only sin is a header of their own, which is never taken from a model."""


@pytest.mark.parametrize(
    "name", ["axiom_instead", "macro_rules_eq", "skip_kernel", "variable_false", "native_decide"]
)
def test_a_cheat_earns_nothing(pool: SyncPool, name: str) -> None:
    assert earns(pool, name) == 0.0


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(set(CHEATS) - HEADERS_ONLY))
def test_no_cheat_of_the_catalogue_earns_anything(pool: SyncPool, name: str) -> None:
    assert not earns(pool, name) > 0


def test_an_error_of_ours_at_one_answer_is_no_reward_and_ends_nothing(
    pool: SyncPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Problem.candidate

    def candidate(self: Problem, answer: str) -> str:
        if "simp" in answer:
            raise OverflowError("int too large to convert to float")
        return original(self, answer)

    monkeypatch.setattr(Problem, "candidate", candidate)
    answers = [
        f"theorem t (a b : Nat) : a + b = b + a := by {tactic}" for tactic in ("omega", "simp", "omega")
    ]

    first, second, third = rewards_of(pool, answers)

    assert first == third == 1.0
    assert math.isnan(second)
