theorem zero_one : (0 : Nat) = 1 := by sorry
