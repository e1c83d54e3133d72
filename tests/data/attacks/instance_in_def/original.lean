def P : Prop := ∀ n : Nat, n = 0
theorem t : P := by sorry
