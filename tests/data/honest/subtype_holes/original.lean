def clamp (n : Nat) : {m : Nat // m < 10 ∧ m ≤ n} := ⟨min n 9, by sorry, by sorry⟩
def mid (a b : Nat) (h : a ≤ b) : {m : Nat // a ≤ m ∧ m ≤ b} := ⟨(a + b) / 2, by sorry⟩
theorem mid_ge (a b : Nat) (h : a ≤ b) : a ≤ (mid a b h).1 := sorry
