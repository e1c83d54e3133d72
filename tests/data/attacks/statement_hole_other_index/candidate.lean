theorem second (x y : Nat) : [x, y][0]'(by simp) = x := by rfl
