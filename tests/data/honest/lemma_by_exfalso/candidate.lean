theorem ef (a : Nat) (h₁ : a < 3) (h₂ : 5 < a) : a = 17 := by
  exfalso
  omega
