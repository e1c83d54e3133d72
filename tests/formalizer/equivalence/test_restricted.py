"""BEq's levels: which proofs of a model are tried, and which count."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from comparing import Compare

from stepprove.formalizer.equivalence.restricted import Level, proposals, refusal, script_of
from stepprove.serving.client.exchange import Turn

HALF = "theorem a (n : Nat) (h : n % 2 = 1) : n * n % 8 = 1 := by sorry"
DOUBLE = "theorem b (k : Nat) : (2 * k + 1) * (2 * k + 1) % 8 = 1 := by sorry"
TO_A = "have h' : n = 2 * (n / 2) + 1 := by omega\nrw [h']\nexact thm_B (n / 2)"
TO_B = "exact thm_A (2 * k + 1) (by omega)"


@pytest.mark.parametrize(
    ("script", "level", "reason"),
    [
        ("have h := thm_A n\nexact h", "basic", None),
        ("have h := thm_A n\nrw [h]", "basic", "none of the tactics"),
        ("exact h\nhave h := thm_A n", "basic", "does not end"),
        ("rw [thm_A n]\nexact?", "normal", None),
        ("by_contra h\nexact h (thm_A n)", "normal", "`by_contra` is not allowed"),
        ("by_contra h\nexact h (thm_A n)", "advanced", None),
        ("nlinarith [thm_A n]", "advanced", "none of the tactics"),
        ("nlinarith [thm_A n]", "all", None),
        ("have h := thm_A n\nsorry", "all", "`sorry` is not allowed"),
        ("omega", "all", "does not use `thm_A`"),
    ],
)
def test_a_level_allows_its_tactics(script: str, level: Level, reason: str | None) -> None:
    said = refusal(script, level, "thm_A")
    assert said is None if reason is None else reason in (said or "")


@pytest.mark.parametrize(
    "answer",
    [
        "```lean4\n  intro n\n  exact thm_A n\n```",
        "```lean4\nby\n  intro n\n  exact thm_A n\n```",
        "<think>no</think>```lean4\ntheorem thm_B : P := by\n  intro n\n  exact thm_A n\n```",
    ],
)
def test_the_tactics_are_found_in_an_answer(answer: str) -> None:
    assert script_of(answer) == "intro n\nexact thm_A n"


def test_proofs_of_a_model_are_judged_like_all_others(compare: Compare) -> None:
    asked: list[str] = []

    def ask(turns: Sequence[Turn]) -> list[str]:
        asked.append(turns[0].content)
        script = TO_A if "Prove `thm_A`" in turns[0].content else TO_B
        return [f"```lean4\n{script}\n```" for script in ("exact thm_A", "exact thm_B", script)]

    found = compare(HALF, DOUBLE, "beq", propose=proposals(ask, "normal"), label="beq, then a model")
    assert found.equivalent and found.method == "beq, then a model"
    assert [d.step for d in found.directions] == ["model (normal)", "model (normal)"]
    assert found.directions[1].proof == TO_A
    assert "theorem thm_B" in asked[0] and "cases'" in asked[0]


def test_a_model_that_proves_the_target_outright_shows_nothing(compare: Compare) -> None:
    a = "theorem a (n : Nat) : n * n + 1 > 0 := by sorry"
    b = "theorem b (n : Nat) (h : n = n + 0 ∨ n = 3) : n + 2 > 1 := by sorry"

    def ask(turns: Sequence[Turn]) -> list[str]:
        return ["```lean4\nhave := thm_A n\nomega\n```"]

    found = compare(a, b, "beq", propose=proposals(ask, "all"))
    assert not found.equivalent
    assert (found.reason or "").endswith("proves B without using A")
