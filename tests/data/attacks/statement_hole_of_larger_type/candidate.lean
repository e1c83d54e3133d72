theorem t (n : Nat) (h : n < 4) : (⟨n, by omega⟩ : Fin 8) = (⟨n, by omega⟩ : Fin 8) + 8 := by ext; simp [Fin.val_add]
