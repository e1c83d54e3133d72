example (n : Nat) (h : n < 3) : (⟨n, by sorry⟩ : Fin 3).1 = n := by sorry
