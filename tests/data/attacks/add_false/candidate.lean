theorem False.intro' : False := by
  have : False := by contradiction
  exact this
theorem wrong : (0 : Nat) = 1 := False.intro'.elim
