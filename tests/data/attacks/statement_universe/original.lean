universe u
theorem sub (α : Type u) (a b : α) : a = b := by sorry
