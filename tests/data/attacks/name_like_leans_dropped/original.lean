theorem good : (1 : Nat) = 1 := by sorry
theorem eq_1 : (0 : Nat) = 1 := by sorry
