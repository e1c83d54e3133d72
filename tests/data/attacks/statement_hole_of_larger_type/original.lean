theorem t (n : Nat) (h : n < 4) : (⟨n, by sorry⟩ : Fin 4) = (⟨n, by sorry⟩ : Fin 4) + 4 := by sorry
