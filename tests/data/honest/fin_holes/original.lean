def next (i : Fin 5) : Fin 5 := ⟨(i.1 + 1) % 5, by sorry⟩
def both (i : Fin 5) : Fin 5 × Fin 5 := (⟨i.1 / 2, by sorry⟩, ⟨4 - i.1, by sorry⟩)
theorem next_ne (i : Fin 5) : next i ≠ i := by sorry
