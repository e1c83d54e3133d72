"""BEq, BEqL and BEq+ on real Lean: what they find, and what must not fool them."""

from __future__ import annotations

import pytest
from comparing import Compare

from stepprove.formalizer.equivalence.equivalence import EquivalenceVerdict, equivalent, suggestion
from stepprove.formalizer.equivalence.methods import hypotheses, instances
from stepprove.formalizer.statement import BadStatement, read_statement
from stepprove.lean_project import Message, Position, Repl, ReplFailure
from stepprove.lean_project.engines.engine import Engine

SQUARE = "theorem square (n : Nat) (h : n % 2 = 1) : n * n % 8 = 1 := by sorry"


def info(data: str) -> Message:
    return Message(severity="info", pos=Position(line=1, column=0), data=data)


@pytest.mark.parametrize("said", ["Try this: exact thm_A n h", "Try this:\n  [apply] exact thm_A n h"])
def test_both_spellings_of_a_suggestion_are_read(said: str) -> None:
    assert suggestion((info("other"), info(said))) == "exact thm_A n h"
    assert suggestion((info("other"),)) is None


def test_a_context_is_read_a_variable_each() -> None:
    goal = "α : Type\nx y : α\ninst✝ : Add α\nh : x =\n    y\nz : Nat := 1\n⊢ True"
    found = hypotheses(goal)
    assert [h.name for h in found] == ["α", "x", "y", "inst✝", "h", "z"]
    assert found[4].type == "x = y" and found[5].type == "Nat"


def test_a_premise_is_tried_at_variables_of_the_same_types() -> None:
    context = hypotheses("a b : Nat\nc : Int\nh : a < b\n⊢ True")
    assert list(instances("p", context)) == ["@p", "p a b c", "p b a c"]


@pytest.mark.parametrize("method", ["beq", "beql", "beq+"])
def test_binder_names_and_symmetry_do_not_matter(compare: Compare, method: str) -> None:
    found = compare(SQUARE, "theorem t : ∀ k : Nat, 1 = k % 2 → k * k % 8 = 1 := by sorry", method)
    assert found.equivalent
    assert [d.step for d in found.directions] == ["exact?", "exact?"]
    assert "thm_A" in (found.directions[0].proof or "")


def test_a_proof_that_does_not_use_the_premise_is_none(compare: Compare) -> None:
    found = compare("theorem a : 1 + 1 = 2 := by sorry", "theorem b (n : Nat) : n + 0 = n := by sorry", "beq")
    assert found.verdict is EquivalenceVerdict.NOT_SHOWN
    assert found.reason == "`exact?` proves B without using A"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(": 2 + 2 = 4", ": 2 * 2 = 4", id="numbers"),
        pytest.param(
            "{α : Type _} (l : List α) : [] ++ l = l", "{α : Type _} (l : List α) : l = l", id="lists"
        ),
        pytest.param("(x : Nat) (h : x = 9 % 7) : x = 2", "(x : Nat) (h : x = 5 - 3) : x = 2", id="values"),
    ],
)
def test_what_lean_computes_is_not_what_a_statement_says(compare: Compare, a: str, b: str) -> None:
    assert compare(f"theorem t {a} := by sorry", f"theorem t {a} := by sorry", "beq").equivalent
    found = compare(f"theorem t {a} := by sorry", f"theorem t {b} := by sorry", "beq")
    assert found.verdict is EquivalenceVerdict.NOT_SHOWN and "provable without" in (found.reason or "")


@pytest.mark.nightly
def test_a_target_that_is_provable_alone_may_still_be_told_by_its_hypotheses(compare: Compare) -> None:
    together = "theorem t (f : Nat → Nat) (h : ∀ a b, a ≤ b ∧ b ≤ 10 → f a ≤ f b) : f 3 ≤ f 5 := by sorry"
    assert compare(together, together.replace("a ≤ b ∧ b ≤ 10 →", "a ≤ b → b ≤ 10 →")).equivalent
    weaker = compare(together, together.replace("b ≤ 10 →", "b ≤ 4 →"))
    assert weaker.verdict is EquivalenceVerdict.NOT_SHOWN
    vacuous = "theorem t (n : Nat) (h : n < 0) : n * n = n := by sorry"
    assert compare(vacuous, vacuous.replace("n < 0", "n + 1 < n")).verdict is EquivalenceVerdict.NOT_SHOWN


def test_the_direction_that_fails_is_named_and_the_other_not_tried(compare: Compare) -> None:
    found = compare(SQUARE.replace("% 8", "% 4"), SQUARE, "beq")
    assert [(d.premise, d.target, d.verdict) for d in found.directions] == [
        ("A", "B", EquivalenceVerdict.NOT_SHOWN)
    ]
    assert found.reason == "no step found a proof of B from A"


def test_the_verdict_is_the_same_both_ways_round(compare: Compare) -> None:
    weak = SQUARE.replace("% 8", "% 4")
    assert (
        compare(SQUARE, weak, "beq").verdict
        is compare(weak, SQUARE, "beq").verdict
        is EquivalenceVerdict.NOT_SHOWN
    )


def test_a_false_premise_does_not_make_everything_equivalent(compare: Compare) -> None:
    found = compare("theorem a (n : Nat) : n < n := by sorry", "theorem b (n : Nat) : n + 1 = n := by sorry")
    assert found.verdict is EquivalenceVerdict.NOT_SHOWN
    assert found.reason is not None and "A alone gives False" in found.reason


def test_core_tactics_stand_in_and_the_verdict_says_so(compare: Compare) -> None:
    assert "no Mathlib" in compare(SQUARE, SQUARE).stand_ins[0]
    assert compare(SQUARE, SQUARE, "beq").stand_ins == ()


def test_universe_levels_may_be_named_or_not(compare: Compare) -> None:
    a = "theorem a.{u} {α : Type u} (l : List α) (h : l ++ l = l) : l = [] := by sorry"
    b = "theorem b {β : Type _} (k : List β) (h : k ++ k = k) : k = [] := by sorry"
    assert compare(a, b, "beq").equivalent


DOUBLE = "def double (n : Nat) := n + n\n"


def test_definitions_count_when_they_are_the_same_words(compare: Compare) -> None:
    a = DOUBLE + "theorem t (n : Nat) : double n % 2 = 0 := by sorry"
    b = "-- twice\n" + DOUBLE + "theorem t : ∀ k : Nat, double k % 2 = 0 := by sorry"
    assert compare(a, b, "beq").equivalent


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("def double (n : Nat) := n + n + 0\n", id="another body"),
        pytest.param("theorem double : True := trivial\n", id="another kind"),
    ],
)
def test_definitions_of_one_name_are_never_merged(compare: Compare, other: str) -> None:
    a = DOUBLE + "theorem t (n : Nat) : double n % 2 = 0 := by sorry"
    b = other + "theorem t (n : Nat) : n % 2 = 0 := by sorry"
    found = compare(a, b)
    assert found.verdict is EquivalenceVerdict.NOT_SHOWN
    assert found.reason == "both declare `double`, and not in the same words"


SUM = "theorem t (n : Nat) (h : n + n = 4) : n = 2 := by sorry"


@pytest.mark.parametrize(
    ("name", "hostile"),
    [
        ("instance", "instance : Add Nat := ⟨fun _ b => b⟩\n" + SUM),
        ("local instance", "local instance : Add Nat := ⟨fun _ b => b⟩\n" + SUM),
        ("notation", 'infixl:65 " + " => Nat.mul\n' + SUM),
        ("namespace", "namespace Nat\ndef add (_ b : Nat) := b\nend Nat\n" + SUM),
        ("shadowing", "namespace X\nabbrev Nat := Unit\ntheorem t (n : Nat) : n = n := by sorry\nend X"),
        ("axiom", "axiom cheat : False\ntheorem t (n : Nat) : n = 2 := by sorry"),
        (
            "lemma on sorry",
            "theorem helper (n : Nat) : n = 2 := sorry\ntheorem t (n : Nat) : n = 2 := by sorry",
        ),
        (
            "simp set",
            "@[simp] theorem helper (n : Nat) : (n = 2) = True := sorry\n" + SUM.replace("n + n = 4", "True"),
        ),
        (
            "open",
            "namespace Z\ndef two := 3\nend Z\nopen Z in\ntheorem t (n : Nat) (h : n + n = 4) : n = two := by sorry",
        ),
    ],
)
def test_no_file_changes_what_the_other_says(compare: Compare, name: str, hostile: str) -> None:
    try:
        assert not compare(hostile, SUM, "beq").equivalent
    except BadStatement as refused:
        assert "error" in str(refused)


def test_a_lasting_change_that_both_files_make_is_made_once(compare: Compare) -> None:
    text = 'notation "ℕ" => Nat\ntheorem t (n : ℕ) (h : n + n = 4) : n = 2 := by sorry'
    assert compare(
        text, text.replace("(n : ℕ) (h : n + n = 4) :", ": ∀ n : ℕ, n + n = 4 →"), "beq"
    ).equivalent


def test_an_error_in_a_statement_is_named_by_its_line(compare: Compare) -> None:
    with pytest.raises(BadStatement, match=r"the text has an error \(line 2: "):
        compare(SQUARE, "-- a comment\ntheorem t : Nothing.here 1 = 1 := by sorry")


def test_files_on_other_imports_are_refused(repl: Repl) -> None:
    with pytest.raises(BadStatement, match="imports Std"):
        equivalent(repl, read_statement(SQUARE), read_statement("import Std\n" + SQUARE))


def test_time_that_runs_out_is_unknown(engine: Engine) -> None:
    with Repl(engine, timeout=60) as repl:
        found = equivalent(repl, read_statement(SQUARE), read_statement(SQUARE), timeout=0.01)
    assert found.verdict is EquivalenceVerdict.UNKNOWN and "0.01" in (found.reason or "")


def test_a_dead_lean_is_no_verdict(engine: Engine) -> None:
    repl = Repl(engine, timeout=60)
    repl.close()
    with pytest.raises(ReplFailure):
        equivalent(repl, read_statement(SQUARE), read_statement(SQUARE))
