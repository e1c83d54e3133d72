theorem exists_sq (n : Nat) : ∃ m, m = n * n := by sorry
