theorem wrong : (0 : Nat) = 1 := sorryAx _ true
