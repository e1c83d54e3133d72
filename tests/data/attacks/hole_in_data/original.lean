def witness : Nat := sorry
theorem w : witness = 5 := by sorry
