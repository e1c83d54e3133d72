theorem a (xs : Array Nat) (h : xs.size = 3) : xs[2]'sorry = xs[2]'(sorry) := by rfl
