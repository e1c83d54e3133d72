set_option pp.all true
set_option pp.proofs false
theorem wrong : (0 : Nat) = 1 := by omega
