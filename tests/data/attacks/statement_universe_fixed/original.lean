theorem sub.{u} (α : Type u) (h : ∀ a b : α, a = b) (a b : α) : a = b := by sorry
