variable (n : Nat)
theorem t : n = n + 1 := by sorry
