theorem t (α : Type) (a b : α) : a = b := by sorry
