nonrec example : 1 = 1 := by rfl
