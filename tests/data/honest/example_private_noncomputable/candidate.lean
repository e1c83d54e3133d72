private /- x -/ noncomputable
example : 1 = 1 := by
  rfl
