theorem sq (x : Fin 1) : 0 < x * x + 1 := by sorry
