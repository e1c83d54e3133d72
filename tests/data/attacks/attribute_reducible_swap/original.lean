def P (n : Nat) : Prop := n = 1
theorem t : P 0 := by sorry
