theorem t (x : Option Nat) : (match x with | none => 1 | some _ => 1) = 1 := by cases x <;> rfl
