theorem double (n : Nat) : n + n = 2 * n := by sorry
