structure S where
  n : Nat := 4
  h : n < 9 := by omega
def s : S := {}
theorem t : s.n = 4 := rfl
