theorem wrong : (0 : Nat) = 1 := absurd Lean.trustCompiler (by simp)
