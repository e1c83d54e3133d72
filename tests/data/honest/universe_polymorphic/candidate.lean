universe u v
theorem fst {α : Type u} {β : Type v} (p : α × β) (a : α) (b : β) (h : p = (a, b)) : p.1 = a := by subst h; rfl
