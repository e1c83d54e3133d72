inductive Rose | node (children : List Rose)
  deriving Repr, BEq
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by omega
