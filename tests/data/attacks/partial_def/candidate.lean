partial def bad (n : Nat) : PLift ((0 : Nat) = 1) := bad (n + 1)
theorem wrong : (0 : Nat) = 1 := (bad 0).down
