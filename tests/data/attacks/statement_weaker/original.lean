theorem bound (n : Nat) : n < 10 := by sorry
