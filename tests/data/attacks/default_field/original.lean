structure C where
  size : Nat := 1
theorem t : ({} : C).size = 2 := by sorry
