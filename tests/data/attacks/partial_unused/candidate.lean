partial def spin (n : Nat) : Nat := spin (n + 1)
theorem fine : 1 = 1 := rfl
