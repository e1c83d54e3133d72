set_option
  debug.skipKernelTC
  true
theorem wrong : (0 : Nat) = 1 := by decide +kernel
