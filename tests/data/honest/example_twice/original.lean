example : 1 = 1 := by sorry
example : 1 = 1 := by sorry
