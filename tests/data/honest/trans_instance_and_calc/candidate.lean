structure W where
  n : Nat
instance : LE W := ⟨fun a b => a.n ≤ b.n⟩
instance : Trans (α := W) (β := W) (γ := W) (· ≤ ·) (· ≤ ·) (· ≤ ·) := ⟨by intro a b c h k; exact Nat.le_trans h k⟩
theorem tr (a b c : W) (h : a ≤ b) (k : b ≤ c) : a ≤ c := calc
  a ≤ b := by exact h
  _ ≤ c := by exact k
