theorem yes : 1 = 1 := by sorry
