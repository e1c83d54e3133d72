theorem inh (α : Type) (h : Inhabited α) : ∃ x : α, x = x := ⟨h.default, rfl⟩
