theorem a (xs : List Nat) (h : 2 < xs.length) : xs[0]'(by sorry) + xs[1]'(by sorry) = xs[1]'(by sorry) + xs[0]'(by sorry) := by sorry
