"""The trust gate on real Lean: what it accepts, and what it turns away and why."""

from __future__ import annotations

import pytest

from stepprove.lean_project import Repl
from stepprove.lean_project.gate.gate import Judgement, Policy, judge
from stepprove.outcome import Outcome

TWO = "theorem two : 1 + 1 = 2 := by sorry\n"
FALSE = "theorem wrong : (0 : Nat) = 1 := by sorry\n"


def verdict(repl: Repl, original: str, candidate: str, **keywords: object) -> Judgement:
    return judge(repl, original, candidate, **keywords)  # type: ignore[arg-type]


def test_an_honest_proof_is_accepted_with_its_axioms(repl: Repl) -> None:
    judgement = verdict(repl, TWO, "theorem two : 1 + 1 = 2 := by rfl\n")
    assert judgement.accepted
    assert judgement.verdict("two") is not None
    assert judgement.verdicts[0].axioms == ()


def test_classical_axioms_are_listed_and_allowed(repl: Repl) -> None:
    original = "theorem em (p : Prop) : p ∨ ¬p := by sorry\n"
    candidate = (
        "theorem em (p : Prop) : p ∨ ¬p := by\n  have := propext (Iff.refl p)\n  exact Classical.em p\n"
    )
    judgement = verdict(repl, original, candidate)
    assert judgement.accepted
    assert "propext" in judgement.verdicts[0].axioms


@pytest.mark.parametrize(
    ("original", "candidate", "outcome", "reason"),
    [
        pytest.param(TWO, TWO, Outcome.FAILED, "still rests on `sorry`", id="sorry left"),
        pytest.param(TWO, "theorem two : 1 + 1 = 2 := by omegaa\n", Outcome.FAILED, "line 1", id="error"),
        pytest.param(
            FALSE,
            "theorem helper : (0 : Nat) = 1 := sorry\ntheorem wrong : (0 : Nat) = 1 := helper\n",
            Outcome.FAILED,
            "still rests on `sorry`",
            id="sorried helper",
        ),
        pytest.param(
            FALSE,
            "theorem wrong : (1 : Nat) = 1 := by rfl\n",
            Outcome.REJECTED,
            "statement of `wrong`",
            id="another statement",
        ),
        pytest.param(
            FALSE,
            "theorem wrong (h : False) : (0 : Nat) = 1 := h.elim\n",
            Outcome.REJECTED,
            "statement of `wrong`",
            id="another hypothesis",
        ),
        pytest.param(
            FALSE,
            "variable (h : False)\ninclude h\ntheorem wrong : (0 : Nat) = 1 := h.elim\n",
            Outcome.REJECTED,
            "statement of `wrong`",
            id="variable h : False",
        ),
        pytest.param(
            FALSE,
            "axiom cheat : False\ntheorem wrong : (0 : Nat) = 1 := cheat.elim\n",
            Outcome.REJECTED,
            "axiom `cheat`",
            id="an axiom",
        ),
        pytest.param(
            FALSE,
            "def Nat' := Unit\nlocal instance : OfNat Nat n := ⟨0⟩\ntheorem wrong : (0 : Nat) = 1 := rfl\n",
            Outcome.REJECTED,
            "statement of `wrong`",
            id="local instance",
        ),
        pytest.param(
            "theorem small : 3 ≤ 2 := by sorry\n",
            'local infix:50 (priority := high) " ≤ " => fun a b : Nat => b < a\ntheorem small : 3 ≤ 2 := by decide\n',
            Outcome.REJECTED,
            "statement of `small`",
            id="local notation",
        ),
        pytest.param(
            "def f (n : Nat) : Nat := n + 1\ntheorem f_pos (n : Nat) : f n = 0 := by sorry\n",
            "def f (n : Nat) : Nat := 0\ntheorem f_pos (n : Nat) : f n = 0 := by rfl\n",
            Outcome.REJECTED,
            "definition of `f`",
            id="another definition",
        ),
        pytest.param(
            FALSE,
            "#exit\ntheorem wrong : (0 : Nat) = 1 := rfl\n",
            Outcome.REJECTED,
            "`wrong` of the original is missing",
            id="#exit",
        ),
        pytest.param(FALSE, "/- theorem wrong -/\n", Outcome.REJECTED, "is missing", id="commented out"),
        pytest.param(
            FALSE,
            "namespace Other\ntheorem wrong : (0 : Nat) = 0 := rfl\nend Other\n",
            Outcome.REJECTED,
            "is missing",
            id="in another namespace",
        ),
        pytest.param(
            TWO,
            "unsafe def spin : Nat := spin\ntheorem two : 1 + 1 = 2 := by rfl\n",
            Outcome.REJECTED,
            "unsafe",
            id="unsafe",
        ),
        pytest.param(
            TWO,
            "def slow (n : Nat) : Nat := n\n@[implemented_by slow] def fast (n : Nat) : Nat := n + 1\n"
            "theorem two : 1 + 1 = 2 := by rfl\n",
            Outcome.REJECTED,
            "implemented_by",
            id="implemented_by",
        ),
    ],
)
def test_the_gate_says_no(repl: Repl, original: str, candidate: str, outcome: Outcome, reason: str) -> None:
    judgement = verdict(repl, original, candidate)
    assert (judgement.outcome, reason in (judgement.reason or "")) == (outcome, True), judgement


def test_turning_the_kernel_off_proves_nothing(repl: Repl) -> None:
    candidate = "set_option debug.skipKernelTC true in\n" + FALSE.replace("sorry", "decide +kernel")
    assert verdict(repl, FALSE, candidate).outcome is not Outcome.PROVED


def test_an_axiom_of_the_users_own_file_must_be_named(repl: Repl) -> None:
    original = "axiom mine : 2 = 3\ntheorem t : 3 = 2 := by sorry\n"
    candidate = original.replace("by sorry", "mine.symm")
    assert verdict(repl, original, candidate).outcome is Outcome.REJECTED
    assert verdict(repl, original, candidate, policy=Policy(axioms=frozenset({"mine"}))).accepted


def test_helper_lemmas_are_welcome_in_a_submission_but_not_in_a_hole(repl: Repl) -> None:
    candidate = "theorem helper : 1 + 1 = 2 := rfl\ntheorem two : 1 + 1 = 2 := helper\n"
    assert verdict(repl, TWO, candidate).accepted
    assert verdict(repl, TWO, candidate, policy=Policy(only_holes=True)).outcome is Outcome.REJECTED


def test_only_the_named_targets_decide(repl: Repl) -> None:
    original = TWO + FALSE
    candidate = "theorem two : 1 + 1 = 2 := by rfl\n" + FALSE
    assert not verdict(repl, original, candidate).accepted
    assert verdict(repl, original, candidate, targets=["two"]).accepted


def test_the_data_of_a_definition_may_not_change_where_only_its_proof_was_open(repl: Repl) -> None:
    original = "def clamp (n : Nat) : Fin 5 := ⟨n % 5, by sorry⟩\n"
    assert verdict(repl, original, original.replace("sorry", "omega")).accepted
    judgement = verdict(repl, original, "def clamp (n : Nat) : Fin 5 := ⟨0, by omega⟩\n")
    assert judgement.outcome is Outcome.REJECTED


def test_private_theorems_are_judged_under_the_name_they_are_written_with(repl: Repl) -> None:
    original = "private theorem hidden (n : Nat) : n + 0 = n := by sorry\n"
    judgement = verdict(repl, original, original.replace("sorry", "rfl"))
    assert judgement.accepted
    assert judgement.verdicts[0].name == "hidden"


def test_inductive_types_and_recursion_survive_the_second_kernel_check(repl: Repl) -> None:
    shared = (
        "mutual\ninductive Tree | node : Forest → Tree\n"
        "inductive Forest | nil | cons : Tree → Forest → Forest\nend\n"
        "structure Point (α : Type) where\n  x : α\n  y : α × α\n  deriving DecidableEq\n"
        "def fact : Nat → Nat | 0 => 1 | n + 1 => (n + 1) * fact n\n"
        "def halvings (n : Nat) : Nat := if h : n ≤ 1 then 0 else 1 + halvings (n / 2)\ntermination_by n\n"
    )
    original = shared + "theorem fact_three : fact 3 = 6 := by sorry\n"
    judgement = verdict(repl, original, original.replace("sorry", "rfl"))
    assert judgement.accepted, judgement


def test_a_change_costs_the_theorems_whose_meaning_rests_on_it_alone(repl: Repl) -> None:
    original = (
        "def f (n : Nat) : Nat := n + 1\ndef g (n : Nat) : Nat := f n\n"
        "theorem of_f : f 0 = 0 := by sorry\ntheorem of_g : g 0 = 0 := by sorry\n" + TWO
    )
    candidate = original.replace("n + 1\n", "n\n", 1).replace("by sorry", "by rfl")
    judgement = verdict(repl, original, candidate)
    assert judgement.outcome is Outcome.REJECTED
    assert judgement.violation == "the definition of `f` is not the original one"
    assert {v.name: v.outcome for v in judgement.verdicts} == {
        "f": Outcome.REJECTED,
        "of_f": Outcome.REJECTED,
        "of_g": Outcome.REJECTED,
        "two": Outcome.PROVED,
    }


def test_what_makes_the_candidate_untrustworthy_costs_everything(repl: Repl) -> None:
    original = "def f (n : Nat) : Nat := n + 1\ntheorem of_f : f 0 = 1 := by sorry\n" + TWO
    candidate = "axiom cheat : False\n" + original.replace("by sorry", "by rfl").replace(
        "n + 1\n", "n + 2\n", 1
    )
    judgement = verdict(repl, original, candidate.replace("f 0 = 1 := by rfl", "f 0 = 1 := cheat.elim"))
    assert {v.outcome for v in judgement.verdicts} == {Outcome.REJECTED}


def test_a_change_that_was_not_asked_about_still_shows(repl: Repl) -> None:
    original = "def f (n : Nat) : Nat := n + 1\n" + TWO
    candidate = original.replace("n + 1", "n").replace("by sorry", "rfl")
    judgement = verdict(repl, original, candidate, targets=["two"])
    assert not judgement.accepted
    assert {v.name: v.outcome for v in judgement.verdicts} == {"f": Outcome.REJECTED, "two": Outcome.PROVED}


def test_the_json_of_a_judgement_keeps_its_field_breach() -> None:
    judgement = Judgement(outcome=Outcome.REJECTED, violation="the definition of `f` is not the original one")
    document = judgement.model_dump(mode="json", by_alias=True)
    assert document["breach"] == judgement.violation
    assert "violation" not in document
    assert Judgement.model_validate(document) == judgement
