theorem a (n : Nat) : (⟨n % 3, by sorry⟩ : Fin 3).1 < 3 := by sorry
theorem b (n : Nat) (h : n < 3) : (⟨n, sorry⟩ : Fin 3) = ⟨n, h⟩ := rfl
