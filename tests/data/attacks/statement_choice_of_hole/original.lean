theorem t : ((by sorry : ∃ n : Nat, n < 9)).choose = 7 := by sorry
