example : 1 = 1 := by rfl
example : 1 = 1 := by rfl
