def f (n : Nat) : Nat := n
@[implemented_by f] def g (n : Nat) : Nat := n + 1
theorem fine : 1 = 1 := rfl
