theorem a (n : Nat) (h : n = 3 ∨ n = 4) : (⟨n, by omega⟩ : Fin 9).1 = n := by rfl
