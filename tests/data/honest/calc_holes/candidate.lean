theorem t (a b c : Nat) (h : a = b) (k : b = c) : a + 0 = c := by
  calc a + 0 = a := by rfl
    _ = b := h
    _ = c := by exact k
