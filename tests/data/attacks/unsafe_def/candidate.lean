unsafe def bad : False := bad
theorem wrong : (0 : Nat) = 1 := by exact (unsafe bad).elim
