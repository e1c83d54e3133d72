theorem wrong : let x := (0 : Nat); x = x := rfl
