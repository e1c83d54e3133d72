/-! theorem wrong : (0 : Nat) = 1 := rfl -/
