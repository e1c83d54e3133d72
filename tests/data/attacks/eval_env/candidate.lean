#eval IO.getEnv "HOME"
theorem wrong : (0 : Nat) = 1 := by omega
