opaque secret : Nat := 3
theorem t : secret = secret ∧ 1 = 1 := by sorry
