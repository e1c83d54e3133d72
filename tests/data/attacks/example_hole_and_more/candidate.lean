example (n : Nat) (h : n < 3) : (⟨n, by omega⟩ : Fin 3).1 = n ∨ (⟨n, by omega⟩ : Fin 3).1 = n + 1 := by left; rfl
