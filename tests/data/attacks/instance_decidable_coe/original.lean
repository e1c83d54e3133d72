theorem small (n : Nat) : (n : Int) < 0 := by sorry
