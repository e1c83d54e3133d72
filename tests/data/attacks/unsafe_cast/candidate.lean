unsafe def cheatImpl : (0 : Nat) = 1 := unsafeCast (rfl : (0 : Nat) = 0)
@[implemented_by cheatImpl] opaque cheat : (0 : Nat) = 1 := sorry
theorem wrong : (0 : Nat) = 1 := cheat
