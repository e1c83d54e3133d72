theorem a (n : Nat) (h : n = 3) : (⟨n, by rw [h]; sorry⟩ : Fin 9).1 = 3 := by sorry
