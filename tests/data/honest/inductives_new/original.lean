theorem two : (1 : Nat) + 1 = 2 := by sorry
