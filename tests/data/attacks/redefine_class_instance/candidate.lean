structure V where
  x : Nat
instance : Add V where
  add a _ := a
theorem idem (a : V) : a + a = a := rfl
