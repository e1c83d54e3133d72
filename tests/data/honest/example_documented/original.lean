/-- hi -/
example : 1 = 1 := by sorry
