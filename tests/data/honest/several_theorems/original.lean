theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by sorry
theorem two : 1 + 1 = 2 := by sorry

example (n : Nat) : n = n := by sorry
