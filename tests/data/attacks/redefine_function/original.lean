def double (n : Nat) : Nat := n + n
theorem three : double 1 = 3 := by sorry
