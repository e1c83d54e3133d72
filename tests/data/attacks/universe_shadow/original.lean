universe u
theorem t (α : Sort u) (a b : α) : a = b := by sorry
