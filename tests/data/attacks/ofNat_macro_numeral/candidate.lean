local macro_rules
  | `(0) => `(1)
theorem wrong : (0 : Nat) = 1 := rfl
