theorem t : 1 = 1 := by sorry
example : (0 : Nat) = 1 := by sorry
