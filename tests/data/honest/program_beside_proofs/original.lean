partial def spin (n : Nat) : Nat := spin (n + 1)
unsafe def castNat (s : String) : Nat := unsafeCast s
def fast (n : Nat) : Nat := n
@[implemented_by fast] def slow (n : Nat) : Nat := n
theorem slow_one : slow 1 = 1 := by sorry
