theorem t : (0 : Nat) = 1 := by sorry
