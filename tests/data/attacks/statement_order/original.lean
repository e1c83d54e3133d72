theorem order (a b : Nat) (h : a < b) : ¬ b < a := by sorry
