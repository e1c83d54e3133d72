example : let x := 4; x = 4 := by exact rfl
example : let x := 3; x = 3 := by rfl
