theorem t : ∀ x : Nat, x - 1 + 1 = x := by sorry
