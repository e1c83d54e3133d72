def f (n : Nat) : Nat := n + 1
theorem grows (n : Nat) : f n < n := by sorry
