"""What a filling may bring with it: a hole is filled by a term, and a term declares nothing of its own."""

from __future__ import annotations

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.gate.gate import Judgement, Policy, judge
from stepprove.outcome import Outcome

FILLING = Policy(only_holes=True)
EVEN = "inductive Ev : Nat → Prop\n  | zero : Ev 0\n  | step {n} : Ev n → Ev (n + 2)\n"
COUNT = "def f : Nat → Nat\n  | 0 => 0\n  | n + 1 => f n + 1\n"


def filled(repl: Repl, original: str, filling: str) -> Judgement:
    return judge(repl, original, original.replace("sorry", filling), policy=FILLING, timeout=60)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        pytest.param(
            ".inductDecl [] 0 [{ name := `wrong.T, type := Lean.mkSort 1, ctors := [] }] false",
            "the proof declares the inductive `wrong.T`",
            id="an inductive type below the target's name",
        ),
        pytest.param(
            ".inductDecl [] 0 [{ name := `wrong._T, type := Lean.mkSort 1, ctors := [] }] false",
            "the proof declares the inductive `wrong._T`",
            id="an inductive type under an internal name",
        ),
        pytest.param(
            ".opaqueDecl { name := `wrong.o, levelParams := [], type := Lean.mkConst ``True,"
            " value := Lean.mkConst ``True.intro, isUnsafe := false, all := [`wrong.o] }",
            "the proof declares the opaque `wrong.o`",
            id="an opaque constant",
        ),
        pytest.param(
            ".axiomDecl { name := `wrong._proof_7, levelParams := [],"
            " type := Lean.mkConst ``False, isUnsafe := false }",
            "the candidate declares the axiom `wrong._proof_7`",
            id="an axiom under the name of a proof",
        ),
    ],
)
def test_a_filling_declares_nothing(repl: Repl, declared: str, reason: str) -> None:
    original = (
        "import Lean\nopen Lean Elab Term Meta\n"
        f'elab "made" : term <= _t => do\n  addDecl <| {declared}\n  return Lean.mkConst ``True.intro\n'
        "theorem wrong : True := sorry\n"
    )
    judgement = filled(repl, original, "made")
    assert judgement.outcome is Outcome.REJECTED
    assert (judgement.reason or "").startswith(reason)


@pytest.mark.parametrize(
    ("original", "filling"),
    [
        pytest.param(
            EVEN + "theorem t : ∀ {n : Nat}, Ev n → ∃ k, n = 2 * k := sorry\n",
            "fun\n  | .zero => ⟨0, rfl⟩\n  | .step h => let ⟨k, hk⟩ := t h; ⟨k + 1, by omega⟩",
            id="recursion over a predicate",
        ),
        pytest.param(
            COUNT + "theorem t (n : Nat) : f n = n := sorry\n",
            "by fun_induction f n <;> simp_all",
            id="functional induction",
        ),
        pytest.param(
            COUNT + "theorem t (n : Nat) : f n = n := sorry\n",
            "by\n  let rec go (n : Nat) : f n = n := by\n    cases n with\n    | zero => rfl\n"
            "    | succ n => simp [f, go n]\n  exact go n",
            id="an inner lemma",
        ),
        pytest.param(
            "structure S where\n  a : Nat\n  b : Nat\n"
            "theorem t (x y : S) (h : x.a = y.a) (k : x.b = y.b) : x = y := sorry\n",
            "by cases x; cases y; simp_all",
            id="injectivity",
        ),
    ],
)
def test_what_lean_makes_on_demand_is_no_declaration_of_the_filling(
    repl: Repl, original: str, filling: str
) -> None:
    judgement = filled(repl, original, filling)
    assert judgement.accepted, judgement.reason
