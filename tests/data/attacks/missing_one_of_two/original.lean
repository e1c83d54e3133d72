theorem wrong : (0 : Nat) = 1 := by sorry
theorem right : 1 = 1 := by sorry
