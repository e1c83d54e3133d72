structure S where
  n : Nat
  h : n < 6 := by omega
theorem t (s : S) : s.n < 6 := s.h
