theorem base : 1 = 1 := rfl
theorem t : (0 : Nat) = 1 := by sorry
