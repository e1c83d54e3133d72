set_option /- this is
 fine -/ debug.skipKernelTC /- -/ true in
theorem wrong : (0 : Nat) = 1 := by decide +kernel
