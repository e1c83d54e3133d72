theorem bad (a b : Nat) : a + b = a := by sorry
