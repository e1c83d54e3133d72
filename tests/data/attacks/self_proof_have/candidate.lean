theorem wrong : (0 : Nat) = 1 := by
  have := wrong
  exact this
