theorem inh (α : Type) [Inhabited α] : ∃ x : α, x = x := by sorry
