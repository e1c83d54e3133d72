theorem s (n : Nat) (h : n > 0) : let i : Fin n := ⟨0, by omega⟩; i.1 = 0 := by rfl
theorem s2 (n : Nat) (h : n > 0) : have i : Fin n := ⟨0, by omega⟩; i.1 = 0 := by rfl
theorem s3 (n : Nat) : (have h : 0 < n + 1 := (by omega); (⟨0, h⟩ : Fin (n + 1))) = 0 := by rfl
theorem s4 (xs : List Nat) (h : xs ≠ []) : xs.getLast (by exact h) ∈ xs := by exact List.getLast_mem _
theorem s5 (m : Nat) (h : 2 ∣ m) : (show 2 * (m / 2) = m by omega) = (show 2 * (m / 2) = m from (by omega)) := rfl
