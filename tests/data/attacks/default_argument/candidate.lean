def f (n : Nat := 2) : Nat := n
theorem t : f = 2 := rfl
