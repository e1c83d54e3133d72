axiom wrong : (0 : Nat) = 1
