theorem second (x y : Nat) : [x, y][1]'(by sorry) = y := by rfl
