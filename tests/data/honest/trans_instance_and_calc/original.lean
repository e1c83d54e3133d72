structure W where
  n : Nat
instance : LE W := ⟨fun a b => a.n ≤ b.n⟩
instance : Trans (α := W) (β := W) (γ := W) (· ≤ ·) (· ≤ ·) (· ≤ ·) := ⟨by sorry⟩
theorem tr (a b c : W) (h : a ≤ b) (k : b ≤ c) : a ≤ c := calc
  a ≤ b := by sorry
  _ ≤ c := by sorry
