structure S where
  x : Nat := 3
  h : x < 10 := by omega
theorem u (s : S) : s.x < 10 := s.h
