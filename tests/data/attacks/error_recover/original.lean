theorem both : 1 = 1 ∧ (0 : Nat) = 1 := by sorry
