inductive Colour | red | green
  deriving Repr, DecidableEq, BEq, Hashable, Inhabited
theorem add_swap (a b c : Nat) : a + b + c = c + b + a := by omega
