structure S where
  v : Nat
  h : v = 2
theorem t (s : S) : s.v = 2 := s.h
