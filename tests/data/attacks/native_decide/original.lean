theorem big : 10 < 20 := by sorry
