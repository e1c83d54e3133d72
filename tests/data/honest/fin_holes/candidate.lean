def next (i : Fin 5) : Fin 5 := ⟨(i.1 + 1) % 5, by omega⟩
def both (i : Fin 5) : Fin 5 × Fin 5 := (⟨i.1 / 2, by omega⟩, ⟨4 - i.1, by omega⟩)
theorem next_ne (i : Fin 5) : next i ≠ i := by intro h; have := congrArg Fin.val h; simp only [next] at this; omega
