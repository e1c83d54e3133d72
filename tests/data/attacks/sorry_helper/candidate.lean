theorem helper : (0 : Nat) = 1 := sorry
theorem wrong : (0 : Nat) = 1 := helper
