theorem wrong : (0 : Nat) = 1 := by
  haveI : Decidable ((0 : Nat) = 1) := isTrue (by exact?)
  decide
