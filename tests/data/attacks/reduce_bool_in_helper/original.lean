theorem ok : (2 : Nat) + 2 = 4 := by sorry
