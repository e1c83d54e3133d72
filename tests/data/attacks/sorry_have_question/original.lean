theorem le_all (m n : Nat) : m ≤ n := by sorry
