init_quot
theorem wrong : (0 : Nat) = 1 := by omega
