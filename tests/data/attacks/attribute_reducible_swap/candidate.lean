@[irreducible] def P (n : Nat) : Prop := n = n
theorem t : P 0 := by unfold P; rfl
