theorem a (n : Nat) (h : n = 3) : (⟨n, by have : n < 4 := sorry; sorry⟩ : Fin 9).1 = 3 := by sorry
