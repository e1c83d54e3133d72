theorem a : 1 = 2 := by sorry
