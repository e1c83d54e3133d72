opaque magic : PLift False
theorem wrong : (0 : Nat) = 1 := magic.down.elim
