theorem f (a : Array Nat) (b : Array Nat) (hs : a.size = b.size) (hab : ∀ i (h : i < a.size), a[i] = b[i]'(by sorry)) : a = b := by sorry
theorem g (n i : Nat) : ∃ h : i < n + i + 1, (⟨i, h⟩ : Fin (n + i + 1)) = ⟨i, by sorry⟩ := by sorry
