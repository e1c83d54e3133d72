theorem t (n : Nat) (h : n = 3) : (⟨n, by omega⟩ : Fin 4) = ⟨3, by omega⟩ := by subst h; rfl
