theorem half_ok (n : Nat) : n / 2 ≤ n := by sorry
