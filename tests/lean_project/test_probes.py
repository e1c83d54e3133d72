"""The gate on an engine that only answers Lean's own commands, as a native REPL does: real Lean, our extensions unused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.gate import Judgement, judge
from stepprove.lean_project.outcome import Outcome

TWO = "theorem two : 1 + 1 = 2 := by sorry\n"


@pytest.fixture
def plain(repl: Repl, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repl]:
    monkeypatch.setattr(repl, "extended", False)
    yield repl


def test_an_honest_proof_is_accepted(plain: Repl) -> None:
    judgement = judge(plain, TWO, TWO.replace("by sorry", "rfl"))
    assert judgement.accepted
    assert judgement.verdicts[0].axioms == ()


def test_names_in_namespaces_and_private_ones_are_found(plain: Repl) -> None:
    original = "namespace A\ntheorem t : 1 = 1 := by sorry\nend A\nprivate theorem u : 2 = 2 := by sorry\n"
    judgement = judge(plain, original, original.replace("by sorry", "rfl"))
    assert judgement.accepted, judgement
    assert {v.name for v in judgement.verdicts} == {"A.t", "u"}


@pytest.mark.parametrize(
    ("original", "candidate", "outcome"),
    [
        pytest.param(TWO, TWO, Outcome.FAILED, id="sorry left"),
        pytest.param(
            TWO, "theorem two : 1 + 1 = 3 - 1 := by rfl\n", Outcome.REJECTED, id="another statement"
        ),
        pytest.param(TWO, "theorem three : 1 + 1 = 2 := by rfl\n", Outcome.REJECTED, id="another name"),
        pytest.param(
            TWO, "axiom a : 1 + 1 = 2\ntheorem two : 1 + 1 = 2 := a\n", Outcome.REJECTED, id="an axiom"
        ),
        pytest.param(
            TWO,
            "theorem two : 1 + 1 = 2 := by rfl\nmacro_rules | `(#print axioms $x) => `(#check 1)\n",
            Outcome.REJECTED,
            id="a macro",
        ),
        pytest.param(
            "def f : Nat := 1\ntheorem t : f = 2 := by sorry\n",
            "def f : Nat := 2\ntheorem t : f = 2 := by rfl\n",
            Outcome.REJECTED,
            id="another definition",
        ),
    ],
)
def test_the_gate_says_no(plain: Repl, original: str, candidate: str, outcome: Outcome) -> None:
    judgement: Judgement = judge(plain, original, candidate)
    assert judgement.outcome is outcome, judgement
