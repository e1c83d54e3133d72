theorem a1 : 1 = 2 := by sorry
theorem b1 : 1 = 2 := by sorry
