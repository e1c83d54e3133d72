theorem wrong : (0 : Nat) = 1 := cast (by sorry : True = ((0 : Nat) = 1)) trivial
