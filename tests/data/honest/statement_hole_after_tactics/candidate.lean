theorem a (n : Nat) (h : n = 3) : (⟨n, by subst h; decide⟩ : Fin 9).1 = 3 := by exact h
