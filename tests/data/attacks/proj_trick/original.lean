structure S where
  v : Nat
  h : v = 1
theorem t (s : S) : s.v = 2 := by sorry
