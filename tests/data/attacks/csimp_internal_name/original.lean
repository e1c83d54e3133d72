def f (n : Nat) : Nat := n
theorem fine : f 1 = 1 := by sorry
