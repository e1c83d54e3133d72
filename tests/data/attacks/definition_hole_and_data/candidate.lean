def mid (a b : Nat) (h : a ≤ b) : { m : Nat // a ≤ m ∧ m ≤ b } := ⟨a, by omega, by omega⟩
theorem mid_eq (a b : Nat) (h : a ≤ b) : (mid a b h).1 = a := by rfl
