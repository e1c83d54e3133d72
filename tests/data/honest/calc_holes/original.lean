theorem t (a b c : Nat) (h : a = b) (k : b = c) : a + 0 = c := by
  calc a + 0 = a := by sorry
    _ = b := sorry
    _ = c := by sorry
