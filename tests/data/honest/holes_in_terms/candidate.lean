theorem ex1 (n : Nat) (h : 0 < n) : ∃ m, n = m + 1 ∧ ∃ k : Fin n, k.1 = m := ⟨n - 1, by omega, ⟨n - 1, by omega⟩, by rfl⟩
theorem iff1 (p q : Prop) : (p ∧ q) ↔ (q ∧ p) := ⟨fun ⟨h, k⟩ => ⟨k, h⟩, fun ⟨h, k⟩ => ⟨k, h⟩⟩
theorem obt (h : ∃ n : Nat, n > 3 ∧ n < 9) : ∃ m : Nat, m > 2 := by
  obtain ⟨n, hn, -⟩ := h
  have : n > 2 := by omega
  exact ⟨n, this⟩
theorem suff (a b : Nat) (h : a = b) : b = a := by
  suffices k : a = b from k.symm
  exact h
