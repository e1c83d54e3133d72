def f (n : Nat) : Bool := n == 1
theorem t : f 0 = true := by sorry
