theorem ex (n : Nat) : ∃ m, m > n ∧ m < n + 2 := by sorry
