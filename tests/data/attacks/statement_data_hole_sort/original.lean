theorem t : ∃ α : Type, Nonempty ((sorry : Type → Type) α) ∧ ¬ Nonempty α := by sorry
