set_option debug.skipKernelTC true in
theorem h : (0 : Nat) = 1 := by decide +kernel
theorem wrong : (0 : Nat) = 1 := h
