theorem t (f : Nat → Nat) : f 0 = 0 := by sorry
