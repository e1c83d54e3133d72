theorem s (n : Nat) (h : n > 0) : let i : Fin n := ⟨0, by sorry⟩; i.1 = 0 := by sorry
theorem s2 (n : Nat) (h : n > 0) : have i : Fin n := ⟨0, by sorry⟩; i.1 = 0 := by sorry
theorem s3 (n : Nat) : (have h : 0 < n + 1 := sorry; (⟨0, h⟩ : Fin (n + 1))) = 0 := by sorry
theorem s4 (xs : List Nat) (h : xs ≠ []) : xs.getLast (by sorry) ∈ xs := by sorry
theorem s5 (m : Nat) (h : 2 ∣ m) : (show 2 * (m / 2) = m by sorry) = (show 2 * (m / 2) = m from sorry) := rfl
