theorem t (α : Sort 0) (a b : α) : a = b := rfl
