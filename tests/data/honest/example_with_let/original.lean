example : let x := 3; x = 3 := by sorry
example : let x := 4; x = 4 := by sorry
