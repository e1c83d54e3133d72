theorem sub (α : Prop) (a b : α) : a = b := rfl
