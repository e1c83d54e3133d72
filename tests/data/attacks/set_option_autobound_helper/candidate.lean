set_option autoImplicit true in
theorem helper : x = y := sorry
theorem wrong : (0 : Nat) = 1 := helper
