theorem every : ∀ n : Nat, n = 0 := by sorry
