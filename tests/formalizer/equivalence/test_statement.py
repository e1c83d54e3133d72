"""Finding the statement of a text."""

from __future__ import annotations

import pytest

from stepprove.formalizer.statement import BadStatement, read_statement


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("theorem t : 1 = 1 := by sorry", "theorem t : 1 = 1"),
        ("theorem a : 1 = 1 := rfl\ntheorem b : 2 = 2 :=\n  rfl", "theorem b : 2 = 2"),
        ("theorem t : let c := 1; c = 1 := by intro c; rfl", "theorem t : let c := 1; c = 1"),
        ("theorem t (n : Nat := by exact 1) : n = n := rfl", "theorem t (n : Nat := by exact 1) : n = n"),
        ("example (h : ∀ x : Nat, x = x) : True := trivial", "example (h : ∀ x : Nat, x = x) : True"),
        ("theorem t : (have h := 1; h) = 1 := rfl", "theorem t : (have h := 1; h) = 1"),
    ],
)
def test_the_last_statement_is_cut_from_its_proof(text: str, stated: str) -> None:
    assert read_statement(text).text == stated


def test_a_new_name_keeps_the_namespace_and_drops_attributes() -> None:
    statement = read_statement("open Nat in\n@[simp] theorem Nat.t.{u} (α : Type u) : α = α := rfl")
    named = statement.named("other")
    assert " ".join(named.split()) == "open Nat in theorem Nat.other.{u} (α : Type u) : α = α"
    assert statement.full_name("other") == "Nat.other"


def test_what_is_open_at_the_statement_is_closed() -> None:
    text = "namespace A.B\nsection\nnoncomputable section C\nend C\nsection D\ntheorem t : True := trivial\nend D"
    statement = read_statement(text)
    assert statement.scopes == ("A", "B", "", "D")
    assert statement.closing() == "end D\nend\nend B\nend A\n"
    assert statement.full_name("x") == "A.B.x"


def test_an_example_is_named_in_its_namespace() -> None:
    statement = read_statement("namespace A\nexample (n : Nat) : n = n := rfl\nend A")
    assert statement.named("x") == "theorem x (n : Nat) : n = n"
    assert statement.full_name("x") == "A.x"


def test_the_conclusion_stands_after_all_binders() -> None:
    assert read_statement("theorem t (n : Nat) {m : Nat} : n = m := sorry").conclusion == "n = m"
    assert read_statement("theorem t : ∀ n : Nat, n = n := sorry").conclusion == "∀ n : Nat, n = n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f := 1", "states no theorem"),
        ("theorem t : 1 = 1", "no `:=`"),
        ("theorem t : Nat → True\n  | _ => trivial", "no `:=`"),
        ('macro "x" : term => `(1)\ntheorem t : x = 1 := rfl', "uses `macro`"),
        ("#eval 1\ntheorem t : 1 = 1 := rfl", "uses `#eval`"),
    ],
)
def test_what_cannot_be_compared_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadStatement, match=reason):
        read_statement(text)
