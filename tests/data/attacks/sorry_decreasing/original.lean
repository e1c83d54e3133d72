theorem rec_claim (n : Nat) : n = n + 1 := by sorry
