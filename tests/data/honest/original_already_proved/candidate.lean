theorem old : 1 = 1 := by decide
theorem new : 2 = 2 := rfl
