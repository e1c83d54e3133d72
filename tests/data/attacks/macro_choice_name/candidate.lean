macro "hide" : command => `(axiom $(Lean.mkIdent `Nat.rec_axiom) : False)
hide
theorem wrong : (0 : Nat) = 1 := Nat.rec_axiom.elim
