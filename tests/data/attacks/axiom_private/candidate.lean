private axiom aux : False
theorem wrong : (0 : Nat) = 1 := aux.elim
