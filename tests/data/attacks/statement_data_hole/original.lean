theorem t : (sorry : Nat) = 1 := by sorry
