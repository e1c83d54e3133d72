theorem good : (1 : Nat) = 1 := by sorry
theorem good.match_1 : (0 : Nat) = 1 := by sorry
