theorem ex1 (n : Nat) (h : 0 < n) : ∃ m, n = m + 1 ∧ ∃ k : Fin n, k.1 = m := ⟨n - 1, by sorry, ⟨n - 1, by sorry⟩, by sorry⟩
theorem iff1 (p q : Prop) : (p ∧ q) ↔ (q ∧ p) := ⟨fun ⟨h, k⟩ => ⟨sorry, h⟩, fun ⟨h, k⟩ => ⟨k, sorry⟩⟩
theorem obt (h : ∃ n : Nat, n > 3 ∧ n < 9) : ∃ m : Nat, m > 2 := by
  obtain ⟨n, hn, -⟩ := h
  have : n > 2 := by sorry
  exact ⟨n, sorry⟩
theorem suff (a b : Nat) (h : a = b) : b = a := by
  suffices k : a = b from sorry
  sorry
