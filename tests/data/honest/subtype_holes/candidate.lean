def clamp (n : Nat) : {m : Nat // m < 10 ∧ m ≤ n} := ⟨min n 9, by omega, by omega⟩
def mid (a b : Nat) (h : a ≤ b) : {m : Nat // a ≤ m ∧ m ≤ b} := ⟨(a + b) / 2, by constructor <;> omega⟩
theorem mid_ge (a b : Nat) (h : a ≤ b) : a ≤ (mid a b h).1 := (mid a b h).2.1
