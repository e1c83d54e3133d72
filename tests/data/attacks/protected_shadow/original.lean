theorem p : List.length [1, 2] = 3 := by sorry
