structure V where
  x : Nat
instance : Add V where
  add a b := ⟨a.x + b.x⟩
theorem idem (a : V) : a + a = a := by sorry
