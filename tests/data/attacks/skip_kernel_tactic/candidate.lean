theorem wrong : (0 : Nat) = 1 := by
  set_option debug.skipKernelTC true in
  decide +kernel
