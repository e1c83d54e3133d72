axiom cheat : (0 : Nat) = 1
theorem wrong : (0 : Nat) = 1 := cheat
