theorem t (n : Nat) (h : n = 3) : (⟨n, by sorry⟩ : Fin 4) = ⟨2, by sorry⟩ := by sorry
