theorem auto {m : Nat} (n : Nat) : n < m → n < m + 1 ∧ m = m := fun h => ⟨by omega, rfl⟩
