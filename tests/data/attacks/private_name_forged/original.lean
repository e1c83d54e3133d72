private theorem t : (0 : Nat) = 1 := by sorry
theorem good : 1 = 1 := by sorry
