def magic : PLift False := sorry
theorem wrong : (0 : Nat) = 1 := magic.down.elim
