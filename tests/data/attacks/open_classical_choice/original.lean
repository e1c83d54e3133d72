theorem t : ∀ f : Nat → Nat, ∃ n, f n = 0 := by sorry
