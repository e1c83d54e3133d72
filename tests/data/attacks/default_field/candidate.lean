structure C where
  size : Nat := 2
theorem t : ({} : C).size = 2 := rfl
