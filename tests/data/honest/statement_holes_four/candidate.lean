theorem a (xs : List Nat) (h : 2 < xs.length) : xs[0]'(by omega) + xs[1]'(by omega) = xs[1]'(by omega) + xs[0]'(by omega) := by exact Nat.add_comm _ _
