theorem add_swap (a : Nat) (b : Nat) (c : Nat) : a + b + c = c + b + a := by omega
