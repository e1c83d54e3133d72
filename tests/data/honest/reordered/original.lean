theorem one : 1 = 1 := by sorry
theorem two : 2 = 2 := by sorry
