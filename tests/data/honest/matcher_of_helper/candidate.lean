theorem helper (x : Option Nat) : (match x with | some a => a | none => 0) ≤ x.getD 0 := by cases x <;> simp
theorem t2 : ∀ x : Option Nat, (match x with | some a => a | none => 0) = x.getD 0 := by intro x; cases x <;> rfl
def h (x : Option Nat) : Nat := match x with | some a => a | none => 0
theorem hh (x : Option Nat) : h x = x.getD 0 := t2 x
