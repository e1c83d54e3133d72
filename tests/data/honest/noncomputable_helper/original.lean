theorem pick (p : Nat → Prop) (h : ∃ n, p n) : ∃ n, p n ∧ n = n := by sorry
