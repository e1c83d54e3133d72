private theorem hidden (n : Nat) : n + 0 = n := rfl
