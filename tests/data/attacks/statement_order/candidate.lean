theorem order (b a : Nat) (h : a < b) : ¬ b < a := by omega
