def P : Prop := ∀ n : Fin 1, n = 0
theorem t : P := by unfold P; decide
