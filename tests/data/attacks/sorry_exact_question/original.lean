theorem odd_one (n : Nat) : 2 * n + 1 = 2 * n := by sorry
