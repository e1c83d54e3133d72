theorem t : ∃ α : Type, Nonempty ((fun _ => Unit : Type → Type) α) ∧ ¬ Nonempty α := ⟨Empty, ⟨()⟩, fun ⟨e⟩ => nomatch e⟩
