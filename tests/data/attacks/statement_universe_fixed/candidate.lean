theorem sub (α : Type) (h : ∀ a b : α, a = b) (a b : α) : a = b := h a b
