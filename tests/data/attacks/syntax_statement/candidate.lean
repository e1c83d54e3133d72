syntax:max (priority := high) "(0 : Nat)" : term
macro_rules | `((0 : Nat)) => `(1)
theorem wrong : (0 : Nat) = 1 := rfl
