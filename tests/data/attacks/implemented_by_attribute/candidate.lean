def evil (n : Nat) : Nat := n + 1
@[implemented_by evil] def f (n : Nat) : Nat := n
theorem fine : f 1 = 1 := rfl
