theorem wrong : (1 : Nat) = 1 := rfl
