theorem ap (xs : List Nat) : xs ++ [] = xs := by sorry
