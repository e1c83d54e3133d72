theorem big : 2 ^ 2 ^ 40 = 0 := by sorry
