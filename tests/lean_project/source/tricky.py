"""Lean files on which a reader that is not Lean goes wrong; all of them elaborate in core Lean 4.28."""

from __future__ import annotations

TRICKY = {
    "comments": """\
-- sorry
/- sorry /- nested sorry -/ sorry -/
/-- sorry, with "a quote -/
theorem a : 1 = 1 := by -- sorry
  /- sorry -/ sorry
theorem b : 2 = 2 := /- := sorry -/ sorry --/- not open
theorem c : 3 = 3 := by
  sorry /- behind -/
""",
    "strings": """\
def a := "sorry \\" sorry \\\\"
def b := "-- no comment /- none" ++ "sorry"
def c (n : Nat) : String := s!"{n} sorry \\{ {(sorry : String)} {"sorry }"}"
def d := r"sorry \\" ++ r#"sorry " sorry"#
def e := "one \\
  sorry"
def f : List Char := ['"', '\\'', '\\\\', '{', '\\x41', sorry]
def g' (x' : Nat) : Nat := x' + (sorry : Nat)
""",
    "names": """\
theorem mysorry : 1 = 1 := sorry
theorem sorry' : 1 = 1 := rfl
theorem sorry₁ : 1 = 1 := rfl
theorem «sorry» : 1 = 1 := rfl
def Nat.sorry (n : Nat) := n
def x (n : Nat) := n.sorry + (n + 1).sorry + (n + 2).sorry
theorem y' : 1 = 1 ∧ n = n := ⟨«sorry», rfl⟩
def y := `sorry
def z := [`a.b.sorry, `«sorry»]
set_option warn.sorry true
theorem ésorry : 2 = 2 := by exact sorry
""",
    "macros": """\
macro "later" : tactic => `(tactic| sorry)
macro "alsoLater" t:term : term => `(($t, sorry))
notation "someday" => sorry
syntax "sorry!" : term
macro_rules | `(sorry!) => `(sorry)
theorem a : 1 = 1 := by
  sorry
""",
    "unicode": """\
theorem «α β» (α : Type) (𝒜 : α → Prop) (h : ∀ a, 𝒜 a) (a₁ : α) : 𝒜 a₁ := by
  have ⟨_, _⟩ : True ∧ 𝒜 a₁ := ⟨trivial, sorry⟩
  have := "😀"; sorry
""",
    "scopes": """\
namespace A.B
section C
variable (n : Nat) {m : Nat}
theorem one : n + m = m + n := by sorry
private theorem two : n = n := sorry
end C
protected theorem three : 1 = 1 := sorry
theorem _root_.four : 1 = 1 := sorry
end A.B
instance : Inhabited Nat := ⟨sorry⟩
instance (priority := low) named : Inhabited Nat where
  default := sorry
""",
    "mutual": """\
mutual
theorem even (n : Nat) : n = n := by
  cases n with
  | zero => sorry
  | succ n => exact sorry
theorem odd : (n : Nat) → n = n
  | 0 => sorry
  | _ + 1 => by sorry
end
theorem after : 1 = 1 := sorry
""",
    "blocks": """\
theorem a (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ (q ∧ p) := by
  constructor
  · constructor
    · sorry
    · have : p := by
        sorry
      sorry
  · refine ⟨?_, sorry⟩
    first
      | sorry
theorem b (n : Nat) : n + 0 = n ∧ 0 + n = n := by
  constructor <;> sorry
theorem c (n : Nat) : n = n := by
  induction n with
  | zero => (sorry)
  | succ n ih =>
    match n, ih with
    | 0, _ => sorry
    | n + 1, _ => exact match n with
      | 0 => sorry
      | _ => by sorry
theorem d (n : Nat) : n = n := by
  by_cases h : n = 0
  case pos => sorry
  next => skip; sorry
theorem e (n : Nat) : n = n := by
  if h : n = 0 then sorry else sorry
theorem f (n : Nat) : n = n := calc
  n = n := sorry
  _ = n := by sorry
theorem g (n : Nat) : n = n := by
  exact show n = n from
    sorry
theorem h (n : Nat) : n = n := by
  all_goals sorry
theorem i : (fun n : Nat => n) = id := funext fun n => sorry
theorem j : 1 = 1 ∧ 2 = 2 ∧ 3 = 3 := ⟨by sorry, sorry, by first | rfl | done⟩
theorem k : 1 = 1 := by admit
theorem l : 1 = 1 := (id (α := 1 = 1) sorry)
theorem m : 1 = 1 := id <| sorry
theorem n : 1 = 1 := by
  have h : ∀ n : Nat,
      n = n := by sorry
  exact h 1
theorem o : 1 = 1 := by { sorry }
theorem p : 1 = 1 := by
  try sorry
theorem q (n : Nat) (h : n > 0 ∨ n = 0) : n = n := by
  obtain h | h := h
  . sorry
  . sorry
theorem r : ∃ n : Nat, n > 3 ∧ n < 9 := by
  refine ⟨4, ?_, ?_⟩ <;> (skip; sorry)
""",
    "margin": """\
inductive T where
/-- first -/
| a
/-- second -/
| b
deriving Repr
structure S where
/-- sorry -/
x : Nat
y : Nat := 1
deriving instance Inhabited for S
theorem a : True := by
set_option maxRecDepth 100 in
sorry
@[simp]
theorem
  b
    : 1 = 1 :=
  sorry
set_option maxRecDepth 100 in
open Nat in
/-- documented -/
@[simp] private theorem c : 2 = 2 := by
  sorry
  theorem indented : 3 = 3 := sorry
""",
    "recursion": """\
def f (n : Nat) : Nat := if h : n = 0 then 0 else f (n - 1)
termination_by n
decreasing_by sorry
def g (n : Nat) : Nat := go n
where
  go (n : Nat) : Nat := if n = 0 then sorry else go (n / 2)
  termination_by n
  decreasing_by
    sorry
""",
    "windows": "theorem a : 1 = 1 := by\r\n  have : 2 = 2 := sorry\r\n  sorry\r\n",
    "exit": "theorem a : 1 = 1 := sorry\n#exit\ntheorem b : 1 = 1 := sorry\n",
    "no last newline": "example : 1 = 1 := by sorry",
}
