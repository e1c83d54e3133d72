theorem auto (n m : Nat) : n < m → n < m + 1 ∧ m = m := by sorry
