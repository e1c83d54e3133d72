theorem rec_claim (n : Nat) : n = n + 1 := go n
where
  go (k : Nat) : k = k + 1 := sorry
