theorem ap (xs : List Nat) : xs ++ [] = xs := by simp only [List.append_nil]
