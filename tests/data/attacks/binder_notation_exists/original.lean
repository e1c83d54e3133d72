theorem none_such : ∃ n : Nat, n < 0 := by sorry
