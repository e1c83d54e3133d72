theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by
  set_option maxRecDepth 1000 in
  omega
