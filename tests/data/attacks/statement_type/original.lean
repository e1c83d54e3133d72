theorem sq (x : Int) : 0 < x * x := by sorry
