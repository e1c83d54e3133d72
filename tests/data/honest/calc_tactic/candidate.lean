theorem chain (a b c : Nat) (h₁ : a < b) (h₂ : b ≤ c) : a < c := by
  calc
    a < b := h₁
    _ ≤ c := h₂
