theorem a1 (n : Nat) : n ≤ n + 1 := by sorry
theorem a2 (n : Nat) : n ≤ n + 2 := by sorry
