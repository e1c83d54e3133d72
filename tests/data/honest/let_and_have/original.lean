theorem lets (n : Nat) : n < n + 10 := by sorry
