structure S where
  n : Nat := 3
  h : n < 9 := by sorry
def s : S := { h := by decide }
theorem t : s.n = 4 := by sorry
