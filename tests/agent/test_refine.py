"""Whole proofs by chat: what the model is told, what is kept of a proof that fails, and what completes it; on real Lean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted_prover import ScriptedProver

from stepprove.agent.models.problem import Problem
from stepprove.agent.models.refine import RefineEvent, Refinement, RefineOptions, run_refinement
from stepprove.agent.models.repair import Partial, cut_back
from stepprove.agent.models.tools import ModelTools
from stepprove.agent.models.trajectory import Checked, Generated
from stepprove.lean_project import Repl
from stepprove.lean_project.engines.engine import Engine
from stepprove.lean_project.gate.gate import Judgement
from stepprove.lean_project.pool.pool import Pool
from stepprove.lean_project.repl.protocol import CommandResponse
from stepprove.outcome import Outcome
from stepprove.serving.client.client import Client

STATED = "theorem t (a b : Nat) (h : a = b) : (b = a ∧ a + b = b + a) ∧ a ≤ b := by\n"
PROBLEM = Problem("", f"{STATED}  sorry", "t")
PROOF = f"{STATED}  subst h\n  exact ⟨⟨rfl, rfl⟩, Nat.le_refl _⟩"


def block(code: str) -> str:
    return f"Here it is.\n```lean4\n{code}\n```\nDone."


class Chat:
    """Refines with a model that plays a part."""

    def __init__(self, prover: ScriptedProver, pool: Pool, engine: Engine) -> None:
        self.prover, self.pool, self.engine = prover, pool, engine
        self.events: list[RefineEvent] = []

    def __call__(self, name: str, turns: list[str], problem: Problem = PROBLEM, **options: Any) -> Refinement:
        self.prover.play(name, turns)

        async def body() -> Refinement:
            async with Client(self.prover.url, name) as client:
                return await run_refinement(
                    ModelTools(client, self.pool, self.engine),
                    problem,
                    RefineOptions(**({"search_seconds": 0.0} | options)),
                    listen=self.events.append,
                )

        return asyncio.run(body())

    def told(self) -> str:
        """What the model was told last."""
        return str(self.prover.asked[-1]["messages"][-1]["content"])


@pytest.fixture
def chat(prover: ScriptedProver, pool: Pool, engine: Engine) -> Chat:
    return Chat(prover, pool, engine)


def test_a_proof_that_is_right_at_once(chat: Chat) -> None:
    refinement = chat("c-good", [block(PROOF)])
    assert refinement.accepted and refinement.rounds == 1 and not refinement.mended
    assert f"```lean4\n{PROBLEM.text.strip()}\n```" in chat.told()
    assert [type(event) for event in chat.events] == [Generated, Checked, Judgement]


def test_a_model_is_told_its_errors_with_the_line_and_the_goals_there(chat: Chat) -> None:
    wrong = f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · nonsense\n  · omega"
    refinement = chat("c-learns", [block(wrong), block(PROOF)])
    assert refinement.accepted and refinement.rounds == 2
    told = chat.told()
    assert "Line 3, `· nonsense`" in told
    assert "a + b = b + a" in told


def test_a_model_is_told_what_stands_and_what_is_open(chat: Chat) -> None:
    wrong = f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · rfl\n  · omega"
    chat("c-open", [block(wrong), block(PROOF)])
    told = chat.told()
    assert f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · sorry\n  · omega" in told
    assert "⊢ a + b = b + a" in told.partition("The open goals:")[2]


def test_the_search_completes_what_stands(chat: Chat) -> None:
    wrong = f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · rfl\n  · simp"
    refinement = chat("c-mended", [block(wrong)], search_seconds=5.0)
    assert refinement.accepted and refinement.mended and refinement.rounds == 1
    assert refinement.answer is not None
    assert refinement.answer.startswith(f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · ")
    assert "sorry" not in refinement.answer


def test_the_best_partial_proof_is_kept(chat: Chat) -> None:
    one = f"{STATED}  refine ⟨⟨h.symm, ?_⟩, ?_⟩\n  · rfl\n  · omega"
    two = f"{STATED}  refine ⟨⟨?_, ?_⟩, ?_⟩\n  · rfl\n  · rfl\n  · omega"
    refinement = chat("c-best", [block(two), block(one), block(two)], rounds=3)
    assert refinement.best is not None and len(refinement.best.goals) == 1
    assert [len(event.goals) for event in chat.events if isinstance(event, Partial)] == [2, 1]
    assert not refinement.accepted


def test_a_sorry_in_the_answer_is_an_open_goal(chat: Chat) -> None:
    chat("c-sorry", [block(f"{STATED}  constructor\n  · sorry\n  · omega"), block(PROOF)])
    assert "It has a `sorry` in it" in chat.told()


def test_an_answer_without_code_is_asked_for_again(chat: Chat) -> None:
    refinement = chat("c-rambles", ["Let me think.\n```python\nprint()\n```", block(PROOF)])
    assert refinement.accepted and refinement.rounds == 2
    assert "There is no Lean code" in chat.told()


def test_ten_megabytes_are_no_answer(chat: Chat) -> None:
    assert chat("c-huge", [block(PROOF + "\n-- x" * 2_000_000), block(PROOF)], max_tokens=10**8).accepted
    assert "too long" in chat.told()


def test_thoughts_are_no_answer(chat: Chat) -> None:
    assert chat("c-thinks", [f"<think>{block(STATED + '  rfl')}</think>{block(PROOF)}"]).accepted


def test_a_conversation_does_not_grow(chat: Chat, prover: ScriptedProver) -> None:
    before = len(prover.asked)
    refinement = chat("c-long", [block(f"{STATED}  rfl")], rounds=4)
    assert refinement.rounds == 4 and not refinement.accepted
    assert [len(asked["messages"]) for asked in prover.asked[before:]] == [1, 3, 3, 3]


def test_a_changed_statement_is_turned_away_by_the_gate(chat: Chat) -> None:
    refinement = chat("c-other", [block("theorem t : True := trivial")], rounds=1)
    assert refinement.judgement is not None and refinement.judgement.outcome is Outcome.REJECTED


def test_a_proof_that_runs_away_is_no_verdict_and_the_model_is_told(chat: Chat) -> None:
    runaway = "theorem r : (List.range 10000000000).length = 1 := by decide +kernel\n"
    refinement = chat("c-runaway", [block(runaway + PROOF), block(PROOF)], check_seconds=6.0)
    assert refinement.accepted and refinement.rounds == 2
    assert refinement.unanswered is Outcome.TIMEOUT
    assert "Lean gave no answer" in chat.told()


def test_the_search_sees_what_stands_above(chat: Chat) -> None:
    above = "def double (n : Nat) : Nat := n + n"
    stated = "theorem d (n : Nat) : double 2 = 4 ∧ n = n := by\n"
    problem = Problem("", f"{stated}  sorry", "d", context=above)
    wrong = f"{above}\n{stated}  constructor\n  · omega\n  · rfl"
    refinement = chat("c-above", [block(wrong)], problem, search_seconds=5.0)
    assert refinement.accepted and refinement.mended


CUTS = [
    pytest.param(
        "theorem t : 1 = 2 := by\n  skip\n  rfl", "theorem t : 1 = 2 := by\n  skip\n  sorry", id="last"
    ),
    pytest.param(
        "theorem t : 1 = 2 := by\n  nope\n  rfl", "theorem t : 1 = 2 := by\n  sorry", id="unknown tactic"
    ),
    pytest.param("theorem t : 1 = 2 := by rfl\n", "theorem t : 1 = 2 := by sorry\n", id="on the line of by"),
    pytest.param(
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  constructor\n  · rfl\n  · rfl",
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  constructor\n  · rfl\n  · sorry",
        id="bullet",
    ),
    pytest.param(
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  constructor\n  · rfl",
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  constructor\n  · rfl\n  sorry",
        id="unsolved goals",
    ),
    pytest.param(
        "theorem t (n : Nat) : n = n := by\n  have h : n = 1 := by\n    rfl\n  rfl",
        "theorem t (n : Nat) : n = n := by\n  have h : n = 1 := by\n    sorry\n  rfl",
        id="inside have",
    ),
    pytest.param(
        "theorem t (n : Nat) : n < 9 ∨ 0 ≤ n := by\n  cases n with\n  | zero => rfl\n  | succ n => right; simp",
        "theorem t (n : Nat) : n < 9 ∨ 0 ≤ n := by\n  cases n with\n  | zero => sorry\n  | succ n => right; simp",
        id="alternative",
    ),
    pytest.param(
        "theorem t (n : Nat) : n = n ∧ 1 = 2 := by\n  refine ⟨?_, ?_⟩\n  · exact\n      h\n  · rfl",
        "theorem t (n : Nat) : n = n ∧ 1 = 2 := by\n  refine ⟨?_, ?_⟩\n  · sorry\n  · sorry",
        id="two errors",
    ),
    pytest.param(
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  refine ⟨?_, ?_⟩\n  · nonsense\n  · rfl",
        "theorem t : 1 = 1 ∧ 1 = 2 := by\n  refine ⟨?_, ?_⟩\n  · sorry\n  · rfl",
        id="what does not parse first",
    ),
    pytest.param(
        "theorem t (n : Nat) : n = n ∧ 1 = 2 := by\n  constructor\n  · rfl\n    rfl\n  · sorry",
        "theorem t (n : Nat) : n = n ∧ 1 = 2 := by\n  constructor\n  · rfl\n    skip\n  · sorry",
        id="too much",
    ),
    pytest.param("theorem t : 1 = Nope.x := by\n  rfl", None, id="in the statement"),
]


@pytest.mark.parametrize(("code", "cut"), CUTS)
def test_errors_are_cut_back_to_sorry(repl: Repl, code: str, cut: str | None) -> None:
    answer = repl.command(code)
    assert isinstance(answer, CommandResponse)
    assert cut_back(code, answer.errors) == cut
    if cut is not None:
        after = repl.command(cut)
        assert isinstance(after, CommandResponse) and after.sorries
        assert cut_back(cut, after.errors) != cut or not after.errors
