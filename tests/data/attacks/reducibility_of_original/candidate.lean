abbrev P (_ : Nat) : Prop := True
theorem t : P 0 := trivial
