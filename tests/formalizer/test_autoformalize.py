"""A problem in words becomes a statement: a scripted model, real Lean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted_formalizer import ScriptedFormalizer

from stepprove.formalizer.autoformalize import Formalization, FormalizeOptions, autoformalize
from stepprove.formalizer.candidate import body_of, code_in
from stepprove.formalizer.checks import PoolChecks
from stepprove.formalizer.prompts import CHAT, KIMINA, STEPFUN, form_of
from stepprove.lean_project.pool.pool import Pool, SyncPool
from stepprove.serving.client.client import Client

ODD = "theorem my_favorite_theorem (n : Nat) (h : n % 2 = 1) : n * n % 8 = 1 := by sorry"
ODD_TOO = "theorem my_favorite_theorem : ∀ k : Nat, 1 = k % 2 → k * k % 8 = 1 := by sorry"
WEAK = "theorem my_favorite_theorem (n : Nat) (h : n % 2 = 1) : n * n % 4 = 1 := by sorry"


def fenced(code: str) -> str:
    return f"<think>Hm. ```lean4\ntheorem no : 1 = 1\n```</think>Here:\n```lean4\n{code}\n```"


def formalize(
    formalizer: ScriptedFormalizer,
    pool: SyncPool,
    samples: list[str],
    chances: tuple[float, ...] = (),
    **options: Any,
) -> Formalization:
    formalizer.play("scripted", samples, chances)

    async def run() -> Formalization:
        async with Client(formalizer.url, "scripted") as client:
            return await autoformalize(
                client,
                PoolChecks(Pool.over(pool), options.get("header", "")),
                "The square of an odd number leaves 1 modulo 8.",
                FormalizeOptions(samples=len(samples), **options),
            )

    return asyncio.run(run())


def test_the_majority_is_chosen_and_all_classes_are_told(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    found = formalize(
        formalizer,
        lean_pool,
        [fenced(WEAK), fenced(ODD), fenced(ODD_TOO)],
        (-0.1, -2.0, -1.0),
        name="odd",
    )
    assert found.outcome == "formalized"
    assert [c.members for c in found.classes] == [(2, 1), (0,)]
    assert found.statement == ODD_TOO.replace("my_favorite_theorem", "odd") + "\n"
    assert found.agreement == pytest.approx(2 / 3)


def test_what_lean_does_not_accept_goes_back_with_its_errors(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    wrong = ODD.replace("n % 2", "Nat.remainder n 2")
    formalizer.mended[f"Here:\n```lean4\n{wrong}\n```"] = fenced(ODD)
    found = formalize(formalizer, lean_pool, [fenced(wrong)])
    assert found.outcome == "formalized" and found.samples[0].answers == 2
    told = formalizer.asked[-1]["messages"][-1]["content"]
    assert "Line 1" in told and "Nat.remainder" in told
    assert found.usage.tokens == 30


def test_rounds_end_for_a_model_that_mends_nothing(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    found = formalize(formalizer, lean_pool, ["I cannot say. ``` ```"], rounds=2)
    assert (found.outcome, found.statement) == ("none", None)
    assert found.samples[0].outcome == "refused" and found.samples[0].answers == 2


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("(n : Nat) (h : n < 3) (h' : n > 7) : n * n = 50", "its hypotheses contradict each other"),
        ("(n : Nat) : n * n ≠ 4", "its negation is provable"),
        (": ∃ n : Nat, n < 0", "its negation is provable"),
    ],
)
def test_what_says_nothing_is_left_out(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool, claim: str, reason: str
) -> None:
    found = formalize(formalizer, lean_pool, [fenced(f"theorem my_favorite_theorem {claim} := by sorry")])
    assert found.outcome == "none"
    assert (found.samples[0].outcome, found.samples[0].reason) == ("empty", reason)


def test_what_holds_at_a_glance_is_kept_with_a_warning(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    found = formalize(formalizer, lean_pool, ["theorem my_favorite_theorem : 2 > 1 := by sorry"])
    assert found.outcome == "formalized" and found.warning == "`trivial` or `decide` proves it"


def test_a_claim_of_absurdity_is_not_taken_for_contradictory_hypotheses(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    claim = "theorem my_favorite_theorem (n : Nat) (h : n + 2 = 1) : False := by sorry"
    assert formalize(formalizer, lean_pool, [claim]).outcome == "formalized"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f : Nat := sorry\ntheorem t : f = 1 := by sorry", "must be complete"),
        ("axiom a : False\ntheorem t : 1 = 2 := by sorry", "declares an axiom"),
        ('macro "x" : term => `(1)\ntheorem t : x = 1 := by sorry', "uses `macro`"),
    ],
)
def test_codes_that_assume_or_run_anything_are_refused(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool, code: str, reason: str
) -> None:
    found = formalize(formalizer, lean_pool, [fenced(code)], rounds=1)
    assert reason in (found.samples[0].reason or "")


def test_a_header_with_definitions_is_shown_and_stood_on(
    formalizer: ScriptedFormalizer, lean_pool: SyncPool
) -> None:
    header = "def double (n : Nat) := n + n"
    claim = "theorem my_favorite_theorem (n : Nat) : double n % 2 = 0 := by sorry"
    found = formalize(
        formalizer,
        lean_pool,
        [f"{header}\n\n{claim}", f"open Nat\n{claim}"],
        header=header,
        form=KIMINA,
    )
    assert len(found.classes) == 1 and len(found.classes[0].members) == 2
    assert found.statement == f"{header}\n\n{claim}\n"
    assert f"```Lean4\n{header}\n```" in formalizer.asked[-1]["messages"][-1]["content"]


def test_the_words_are_those_that_a_model_was_trained_on() -> None:
    assert form_of("stepfun-ai/StepFun-Formalizer-7B") is STEPFUN
    assert form_of("AI-MO/Kimina-Autoformalizer-7B") is KIMINA
    assert form_of("gpt-5") is CHAT
    system, user = STEPFUN.turns("P.", "import Mathlib", mathlib=True)
    assert system.content == "You are an expert in mathematics and Lean 4."
    assert user.content == (
        "Please autoformalize the following problem in Lean 4 with a header. Use the following theorem names: "
        "my_favorite_theorem.\n\nP.\n\nYour code should start with:\n```Lean4\nimport Mathlib\n```\n"
    )
    assert "should start" not in KIMINA.turns("P.", "import Mathlib", mathlib=True)[1].content
    assert "no Mathlib" in CHAT.turns("P.", "", mathlib=False)[0].content


def test_code_is_looked_for_after_the_thinking() -> None:
    assert code_in(fenced(ODD)) == ODD
    assert code_in("```lean4\n" + "x" * 60_000 + "\n```") is None


def test_imports_give_way_to_the_headers() -> None:
    assert body_of("import Mathlib\nopen Nat\n" + ODD, "") == "open Nat\n" + ODD
    assert body_of("import  Mathlib\n\n" + ODD, "import Mathlib\n") == ODD
