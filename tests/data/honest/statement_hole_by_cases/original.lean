theorem a (n : Nat) (h : n = 3 ∨ n = 4) : (⟨n, by cases h <;> sorry⟩ : Fin 9).1 = n := by sorry
