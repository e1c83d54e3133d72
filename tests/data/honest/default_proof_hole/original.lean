structure S where
  x : Nat := 3
  h : x < 10 := by sorry
theorem u (s : S) : s.x < 10 := sorry
