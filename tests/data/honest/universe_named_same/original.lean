theorem same.{w} (α : Sort w) (a : α) : a = a := by sorry
