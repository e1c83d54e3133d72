theorem c (b : Bool) : b = true := by sorry
