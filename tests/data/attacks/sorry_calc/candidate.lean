theorem steps (a b : Nat) : a = b :=
  calc a
    _ = a + 0 := rfl
    _ = b := by sorry
