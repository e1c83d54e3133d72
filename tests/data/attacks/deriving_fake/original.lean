inductive B | x | y
theorem t : B.x = B.y := by sorry
