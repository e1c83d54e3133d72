theorem a (n : Nat) : (⟨n % 3, by omega⟩ : Fin 3).1 < 3 := by omega
theorem b (n : Nat) (h : n < 3) : (⟨n, h⟩ : Fin 3) = ⟨n, h⟩ := rfl
