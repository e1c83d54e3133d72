def witness : Nat := 5
theorem w : witness = 6 := rfl
