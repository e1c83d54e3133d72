def f (n : Nat) : Nat := n + 0
theorem f_id (n : Nat) : f n = n := by sorry
