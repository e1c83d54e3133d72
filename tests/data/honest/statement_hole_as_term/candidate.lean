theorem a (xs : Array Nat) (h : xs.size = 3) : xs[2]'(by omega) = xs[2]'((by omega)) := by rfl
