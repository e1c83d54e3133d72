example (n : Nat := 4) (h : n = n := by rfl) : 0 + n = n := by simp
example (n : Nat := 3) (h : n = n := by rfl) : n + 0 = n := by simp
