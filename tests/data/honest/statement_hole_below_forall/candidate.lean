theorem f (a : Array Nat) (b : Array Nat) (hs : a.size = b.size) (hab : ∀ i (h : i < a.size), a[i] = b[i]'(by omega)) : a = b := by apply Array.ext hs; intro i h k; exact hab i h
theorem g (n i : Nat) : ∃ h : i < n + i + 1, (⟨i, h⟩ : Fin (n + i + 1)) = ⟨i, by omega⟩ := by exact ⟨by omega, rfl⟩
