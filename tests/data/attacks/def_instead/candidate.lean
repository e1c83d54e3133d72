def wrong : Prop := (0 : Nat) = 1
