variable (n : Fin 1)
theorem t : n = n + 1 := by omega
