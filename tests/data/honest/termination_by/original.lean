theorem zero_le' (n : Nat) : 0 ≤ n := by sorry
