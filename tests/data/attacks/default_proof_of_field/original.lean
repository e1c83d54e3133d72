structure S where
  n : Nat
  h : n = 5 := by decide
theorem t : ∃ s : S, s.n = 6 := by sorry
