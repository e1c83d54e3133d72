def P (n : Nat) : Prop := n = n
theorem t : P 0 := by sorry
