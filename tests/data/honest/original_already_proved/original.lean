theorem old : 1 = 1 := rfl
theorem new : 2 = 2 := by sorry
