theorem big : decide (10 < 20) = true := by sorry
