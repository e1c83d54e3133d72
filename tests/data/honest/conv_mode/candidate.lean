theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by
  conv => lhs; rw [Nat.add_comm]
  conv =>
    lhs
    arg 2
    rw [Nat.add_comm]
  rw [Nat.add_assoc]
