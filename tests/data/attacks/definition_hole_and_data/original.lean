def mid (a b : Nat) (h : a ≤ b) : { m : Nat // a ≤ m ∧ m ≤ b } := ⟨(a + b) / 2, by sorry, by sorry⟩
theorem mid_eq (a b : Nat) (h : a ≤ b) : (mid a b h).1 = a := by sorry
