example (n : Nat) : n + 0 = n + 1 := by sorry
