theorem helper (a b : Nat) : a + b = b + a := by omega

theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by
  have := helper a b
  omega
