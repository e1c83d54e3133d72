def base (n : Nat) : Nat := n + 1
theorem b1 : base 1 = 2 := by sorry
