private theorem wrong : (0 : Nat) = 0 := rfl
